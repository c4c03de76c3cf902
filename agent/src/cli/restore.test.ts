import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BlockEntry, Source, Tier } from '@picket/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bookPath, formatBook } from '../blocks/book.ts';
import { allowancesPath } from '../control/allowances.ts';
import { formatLifted, liftedPath } from '../control/lifted.ts';
import { openControlSocket } from '../control/socket.ts';
import { formatPause, pausePath } from '../control/stance.ts';
import type { Desired, Firewall, FoundBlock, SharedBlock } from '../firewall/firewall.ts';
import { parsePolicy } from '../policy/load.ts';
import { createLog, SILENT_LOG } from '../report/log.ts';
import { saveEnrolment } from '../uplink/enrolment.ts';
import { openListFile } from '../uplink/list-file.ts';
import { NO_LIST } from '../uplink/list-state.ts';
import { addressesIn } from './restore/known-now.ts';
import { restoreCommand, restoreInto } from './restore.ts';

const HOUR_MS = 3_600_000;
const ENROLMENT = {
  url: 'https://192.0.2.80',
  collectorId: '01990000-0000-7000-8000-000000000001',
  thumbprint: 'A'.repeat(43),
  collectorKey: { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) },
  networkId: '01990000-0000-7000-8000-000000000002',
  networkName: 'office',
  hostId: '01990000-0000-7000-8000-000000000003',
  hostKey: 'B'.repeat(43),
  statusSeconds: 60,
  enrolledAtMs: 1,
} as const;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'picket-restore-'));
});
afterEach(() => rm(folder, { recursive: true }));

const booked = (source: Source, untilMs: number, atMs = Date.now() - 60_000) => {
  const block = { source, untilMs, atMs, tier: 'held' as Tier, droppedPackets: 0 };
  return [source, { ...block, decidedBy: 'agent' as const }] as const;
};
const saveBook = (...blocks: ReturnType<typeof booked>[]) =>
  writeFile(bookPath(folder), formatBook(new Map(blocks)));

async function saveList(entries: BlockEntry[], more: object = {}): Promise<void> {
  await saveEnrolment(folder, ENROLMENT);
  const file = openListFile(folder, ENROLMENT, SILENT_LOG);
  file.save({ ...NO_LIST, version: 3, entries: new Map(entries.map((entry) => [entry[0], entry])), ...more });
  await file.close();
}

/** Restores into a firewall that only notes what is wanted of it. */
async function restore(config = '', found: FoundBlock[] = []) {
  const said: string[] = [];
  let wanted: Desired | undefined;
  let shared: ReadonlyMap<Source, SharedBlock> = new Map();
  const firewall: Firewall = {
    ...{ name: 'noted', enforces: true, look: async () => [], remove: async () => {} },
    open: async () => found,
    async apply(want) {
      wanted = want;
    },
    async share(list) {
      shared = list;
    },
  };
  const policy = parsePolicy(`state_dir = "${folder}"\n${config}`, 'picket.toml');
  const log = createLog({ level: 'info', json: false, write: (line) => said.push(line) });
  await restoreInto(firewall, policy, log);
  if (wanted === undefined) throw new Error('nothing was applied');
  return { said, wanted, local: wanted.local, shared };
}

describe('restore', () => {
  it('puts back what has not ended, of this host and of its network, with the ends it had', async () => {
    const untilMs = Date.now() + HOUR_MS;
    await saveBook(
      booked('198.51.100.7', untilMs, untilMs - 2 * HOUR_MS),
      booked('198.51.100.8', Date.now() - 1),
    );
    await saveList([
      ['198.51.100.9', untilMs, 'held', 'scan'],
      ['198.51.100.10', Date.now() - 1, 'held', 'scan'],
    ]);
    const { local, shared, wanted, said } = await restore();
    expect([...local.values()]).toEqual([
      { source: '198.51.100.7', tier: 'held', decidedBy: 'agent', untilMs },
    ]);
    expect([...shared.values()]).toMatchObject([{ source: '198.51.100.9', tier: 'held', untilMs }]);
    expect(wanted.enforce).toBe(true);
    expect(said).toEqual([]);
  });

  it('blocks nobody for longer than ever decided, on a host whose clock is years behind', async () => {
    const years = Date.now() + 100 * 365 * 24 * HOUR_MS;
    await saveBook(booked('198.51.100.7', years + HOUR_MS, years));
    const [block] = [...(await restore()).local.values()];
    expect(block?.untilMs).toBeLessThanOrEqual(Date.now() + HOUR_MS);
  });

  it('blocks nobody whom the policy, the network or a special network protects, nor collector and loopback', async () => {
    const untilMs = Date.now() + HOUR_MS;
    await saveBook(
      ...[
        '192.0.2.1',
        '203.0.113.5',
        '192.0.2.80',
        '127.0.0.9',
        '224.0.0.5',
        '203.0.113.77',
        '198.51.100.7',
      ].map((source) => booked(source, untilMs)),
    );
    await saveList([['192.0.2.1', untilMs, 'held', 'scan']], { allow: ['203.0.113.5'] });
    const person = [{ network: '203.0.113.77', untilMs, by: 'alice' }];
    await writeFile(allowancesPath(folder), JSON.stringify(person));
    const { local, shared, wanted } = await restore('[allow]\nsources = ["192.0.2.0/28"]');
    expect([...local.keys()]).toEqual(['198.51.100.7']);
    expect([...shared.keys()]).toEqual([]);
    for (const network of ['192.0.2.0/28', '203.0.113.5', '192.0.2.80', '127.0.0.0/8', 'fe80::/10'])
      expect(wanted.allow).toContain(network);
  });

  it('leaves off what a person lifted, and refuses nobody during a pause or while the network observes', async () => {
    const untilMs = Date.now() + HOUR_MS;
    await saveList([['198.51.100.9', untilMs, 'held', 'scan']]);
    await writeFile(liftedPath(folder), formatLifted([['198.51.100.9', { untilMs, keptUntilMs: untilMs }]]));
    expect((await restore()).shared.size).toBe(0);
    await writeFile(pausePath(folder), formatPause({ atMs: Date.now(), untilMs, by: 'alice' }));
    expect((await restore()).wanted.enforce).toBe(false);
    await rm(pausePath(folder));
    expect((await restore()).wanted.enforce).toBe(true);
    await saveList([], { observe: {} });
    expect((await restore()).wanted.enforce).toBe(false);
  });

  it('puts nothing of the network in force that may be forged, where the policy wants a handshake', async () => {
    const untilMs = Date.now() + HOUR_MS;
    await saveList([
      ['198.51.100.9', untilMs, 'held', 'scan'],
      ['198.51.100.10', untilMs, 'dropped', 'scan'],
    ]);
    const { shared } = await restore('[block]\nevidence = "handshake"');
    expect([...shared.keys()]).toEqual(['198.51.100.10']);
  });

  it('takes out nothing that is in force already', async () => {
    await saveBook(booked('198.51.100.7', Date.now() + HOUR_MS));
    const found = { source: '198.51.100.99', tier: 'dropped', untilMs: Date.now() + 5_000 } as const;
    expect([...(await restore('', [found])).local.keys()]).toEqual(['198.51.100.7', '198.51.100.99']);
  });

  it('tells of damaged files, leaves them as they are, and restores the others', async () => {
    await saveList([['198.51.100.9', Date.now() + HOUR_MS, 'held', 'scan']]);
    await writeFile(bookPath(folder), '[{"source":');
    const { local, shared, said } = await restore();
    expect([local.size, shared.size]).toEqual([0, 1]);
    expect(said).toEqual([expect.stringMatching(/local blocks are damaged.*blocks\.json/)]);
    expect(await readFile(bookPath(folder), 'utf8')).toBe('[{"source":');

    await rm(bookPath(folder));
    await mkdir(bookPath(folder));
    await writeFile(join(folder, 'enrolment.json'), 'no enrolment');
    const again = await restore();
    expect([again.local.size, again.shared.size]).toEqual([0, 0]);
    expect(again.said).toEqual([
      expect.stringContaining('enrolment.json is damaged'),
      expect.stringContaining('blocks.json'),
    ]);
  });

  it('has nothing to do on a host that was never enrolled and blocked nobody', async () => {
    const { local, shared, said } = await restore();
    expect([local.size, shared.size, said]).toEqual([0, 0, []]);
  });

  it('refuses while an agent runs', async () => {
    const control = await openControlSocket(join(folder, 'control.sock'), SILENT_LOG);
    const policy = parsePolicy(`state_dir = "${folder}"`, 'picket.toml');
    const never = () => expect.fail('a command ran');
    await expect(restoreCommand(policy, never, SILENT_LOG)).rejects.toMatchObject({ code: 'agent_runs' });
    await control?.close();
  });
});

describe('names before there is a network', () => {
  it('are those of the hosts file', () => {
    const hosts =
      '# a.example\n192.0.2.1 a.example A2.example # b.example\n2001:db8::1\ta.example\nfe80::1%2 x';
    expect(addressesIn(hosts, 'A.example')).toEqual(['192.0.2.1', '2001:db8::1']);
    expect(addressesIn(hosts, 'a2.example')).toEqual(['192.0.2.1']);
    expect(addressesIn(hosts, 'b.example')).toEqual([]);
  });
});
