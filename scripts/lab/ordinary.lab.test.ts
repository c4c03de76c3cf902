import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Lab, openLab } from './lab.ts';
import { labMissing } from './missing.ts';
import { HOST, HOSTS } from './ordinary/kind.ts';
import { KINDS } from './ordinary/kinds.ts';
import { forgetAll, lookAll, watchByBoth } from './ordinary/watchers.ts';

const missing = labMissing();

/** Packets of a flood. */
const FLOOD = 3_000;

/** Kinds of ordinary traffic, made for real while both engines watch. Each has a control: the same watchers still see a scan. */
describe.skipIf(missing)(`ordinary traffic${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let lab: Lab;
  let last = 100;
  beforeAll(async () => {
    lab = await openLab({ hosts: HOSTS });
  });
  afterAll(() => lab?.close());

  /** Scans from a fresh address, which it gives. */
  const scan = async (...how: string[]): Promise<string> => {
    const address = `203.0.113.${++last}`;
    await lab.addAddress('scanner', address);
    const nmap = [
      'nmap',
      '-n',
      '-Pn',
      '--max-retries',
      '0',
      '--host-timeout',
      '10s',
      '-S',
      address,
      '-e',
      'eth0',
    ];
    await lab.mustExec('scanner', [...nmap, ...how, '-p', '300-310', lab.node(HOST).v4]);
    return address;
  };

  test.each(KINDS)('$name trips nothing, and a scan afterwards trips ($about)', async ({ run }) => {
    const watchers = await watchByBoth(lab, HOST);
    try {
      const forget = () => forgetAll(lab, HOST, watchers);
      await run({ lab, flood: FLOOD, waits: [0, 0, 0], forget, look: () => lookAll(watchers) });
      for (const watcher of watchers)
        expect([watcher.name, await watcher.tripped()]).toEqual([watcher.name, []]);
      const scanner = await scan('-sS');
      for (const watcher of watchers)
        expect([watcher.name, await watcher.tripped()]).toEqual([watcher.name, [scanner]]);
    } finally {
      for (const watcher of watchers) await watcher.stop();
    }
  });

  test('a scan from source port 53 or 80 is a scan', async () => {
    const watchers = await watchByBoth(lab, HOST);
    try {
      const scanners = [await scan('-sS', '-g', '80'), await scan('-sU', '-g', '53')];
      for (const watcher of watchers)
        expect([watcher.name, await watcher.tripped()]).toEqual([watcher.name, scanners]);
    } finally {
      for (const watcher of watchers) await watcher.stop();
    }
  });
});
