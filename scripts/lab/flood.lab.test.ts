import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createJudge } from '@picket/agent/detect/rules';
import { createTracker } from '@picket/agent/detect/tracker';
import { ROOM_AT } from '@picket/agent/nft/counting';
import { readBlocks } from '@picket/agent/nft/elements';
import { renderRuleset } from '@picket/agent/nft/ruleset';
import { evidenceRules, rulesetPolicy } from '@picket/agent/policy/derive';
import { parsePolicy } from '@picket/agent/policy/load';
import { createRoom } from '@picket/agent/watch/kernel-room';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { prepareAgent } from './agent.ts';
import { frame, type Head, pcap, tcp } from './frames.ts';
import { type Lab, openLab } from './lab.ts';
import { labMissing } from './missing.ts';
import { waitFor } from './wait.ts';

const missing = labMissing();
const POLICY = parsePolicy('', '');

/** Forged sources of the flood; `scripts/test --full` plays a million. */
const SOURCES = process.env.PICKET_TEST_FULL === '1' ? 1_000_000 : 150_000;

/** A SYN of a source of its own: each has another /64. */
function forged(i: number, ends: Omit<Head, 'from'>): Buffer {
  const from = `2001:db8:${(i >>> 16).toString(16)}:${(i & 0xffff).toString(16)}::1`;
  return frame({ ...ends, from }, tcp(40_000, 1_024 + (i % 20_000)));
}

describe.skipIf(missing)(`a flood of forged sources${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab({ hosts: ['a'] });
  });
  afterAll(() => lab.close());

  const held = async () => {
    const sets = await Promise.all(
      ['held4', 'held64', 'held128'].map((set) =>
        lab.mustExec('a', ['nft', '-j', 'list', 'set', 'inet', 'picket', set]),
      ),
    );
    return sets.flatMap((json) => readBlocks(json, 0)).map((block) => block.source);
  };
  const probe = (address: string, ports: string) =>
    lab.mustExec('scanner', [
      ...['nmap', '-n', '-Pn', '-sS', '--max-retries', '0', '-S', address, '-e', 'eth0', '-p', ports],
      lab.node('a').v4,
    ]);

  test('room is made in the kernel, and a scanner who tried three ports is held at the fourth', async () => {
    const policy = rulesetPolicy(POLICY, [32_768, 60_999], true);
    await lab.mustExec('a', ['nft', '-f', '-'], { stdin: renderRuleset(policy, true) });
    const address = '203.0.113.180';
    await lab.addAddress('scanner', address);
    await probe(address, '300-302');
    const tracker = createTracker({ judge: createJudge(evidenceRules(POLICY)) });
    for (const port of [300, 301, 302])
      tracker.observe(address, {
        ...{ atMs: Date.now(), address, localAddress: lab.node('a').v4, transport: 'tcp', port },
        ...{ technique: 'syn', evidence: 'forgeable' },
      });
    const room = createRoom({
      run: ({ argv, stdin }) => lab.exec('a', argv, stdin === undefined ? {} : { stdin }),
      ...{ ruleset: policy, log: () => {}, now: Date.now },
    });
    room.note(ROOM_AT);
    await room.keep(tracker.strong());
    expect(room.forgotten).toBe(ROOM_AT - 3);
    await probe(address, '300-302');
    expect(await held()).toEqual([]);
    // One token came back with the bucket: nft has no empty one.
    await probe(address, '303-304');
    expect(await held()).toEqual([address]);
    await lab.mustExec('a', ['nft', 'delete', 'table', 'inet', 'picket']);
  });

  test('memory and kernel sets stay bounded, and whoever scans afterwards is held', async () => {
    const agent = await prepareAgent(lab, 'a');
    await agent.start();
    const toMac = (await lab.mustExec('a', ['cat', '/sys/class/net/eth0/address'])).trim();
    const ends = { toMac, fromMac: '02:00:00:00:00:00', to: lab.node('a').v6 };
    const file = join(lab.folder, 'flood.pcap');
    await writeFile(file, pcap(Array.from({ length: SOURCES }, (_, i) => forged(i, ends))));
    await lab.mustExec('scanner', ['tcpreplay', '-q', '-i', 'eth0', '--pps', '20000', file], {
      timeoutMs: 120_000,
    });
    const seen = async () => {
      const json = await lab.mustExec('a', ['nft', '-j', 'list', 'set', 'inet', 'picket', 'seen6']);
      return (JSON.parse(json) as { nftables: { set?: { elem?: unknown[] } }[] }).nftables.flatMap(
        ({ set }) => set?.elem ?? [],
      ).length;
    };
    await waitFor('room to be made', async () => (await seen()) < ROOM_AT, 60_000);
    const rssKb = Number(
      /VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${await agent.pid()}/status`, 'utf8'))?.[1],
    );
    expect(rssKb).toBeLessThan(300_000);
    const address = '203.0.113.181';
    await lab.addAddress('scanner', address);
    await probe(address, '300-310');
    expect(await held()).toContain(address);
    await agent.kill('SIGTERM');
    await agent.down();
  });
});
