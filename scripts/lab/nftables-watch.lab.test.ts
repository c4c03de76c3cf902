import { put, want } from '@picket/agent/firewall/contract';
import { NFT_READER, type WatchDeps, watchTable } from '@picket/agent/firewall/nft-watch';
import { readBlocks } from '@picket/agent/nft/elements';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openPorts } from './chain.ts';
import { type Lab, openLab } from './lab.ts';
import { labMissing } from './missing.ts';
import { type NftBackend, nftBackend } from './nft-backend.ts';
import { exec } from './run.ts';
import { waitFor } from './wait.ts';

const missing = labMissing();
const SCANNER = '203.0.113.200';
const NETWORKS = { allow: [], onLink: ['2001:db8:1::/64'], enforce: true };

/** Within this the table is to be whole again, ms. */
const HEALED_MS = 1_000;

describe.skipIf(missing)(`a table that others change${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let lab: Lab;
  let backend: NftBackend;
  /** How often somebody else changed something. */
  let changes: number;
  let looks: Promise<unknown>;
  beforeAll(async () => {
    lab = await openLab({ hosts: ['a'] });
  });
  afterAll(() => lab.close());
  beforeEach(async () => {
    await lab.mustExec('a', ['nft', 'flush', 'ruleset']);
    await lab.mustExec('a', ['nft', 'add', 'table', 'inet', 'others']);
    backend = nftBackend(lab, 'a');
    [changes, looks] = [0, Promise.resolve()];
    const { firewall } = backend;
    await firewall.open(NETWORKS);
    await put(firewall, {
      ...want([SCANNER, '2001:db8:66::/64'], ['198.51.100.0/24', '192.0.2.9']),
      ...NETWORKS,
    });
    await firewall.watch?.(() => {
      changes++;
      looks = looks.then(() => firewall.look());
    });
  });
  afterEach(async () => {
    await looks;
    await backend.firewall.close?.();
  });

  const reaches = async () =>
    (await lab.exec('scanner', ['ping', '-c1', '-W1', lab.node('a').v4])).status === 0;
  const nft = (...argv: string[]) => lab.mustExec('a', ['nft', ...argv]);
  const held = async (set: string) => {
    const { status, stdout } = await lab.exec('a', ['nft', '-j', 'list', 'set', 'inet', 'picket', set]);
    if (status !== 0) return [];
    const listed = stdout.replaceAll('shared_held4_24', 'held4').replaceAll('shared_held4', 'held4');
    return readBlocks(listed, 0).map(({ source }) => source);
  };
  const isWhole = async () => {
    const chain = await lab.exec('a', ['nft', 'list', 'chain', 'inet', 'picket', 'drop_new']);
    const ranges = await lab.exec('a', ['nft', 'list', 'chain', 'inet', 'picket', 'ranges_held']);
    return (
      chain.stdout.includes('@held4') &&
      ranges.stdout.includes('@shared_held4_24') &&
      (await held('held4')).includes(SCANNER) &&
      (await held('held64')).includes('2001:db8:66::/64') &&
      (await held('shared_held4')).includes('192.0.2.9') &&
      (await held('shared_held4_24')).includes('198.51.100.0')
    );
  };

  test.each([
    ['nft flush ruleset', ['flush', 'ruleset']],
    ['nft flush table', ['flush', 'table', 'inet', 'picket']],
    ['nft delete table', ['delete', 'table', 'inet', 'picket']],
    ['nft delete element', ['delete', 'element', 'inet', 'picket', 'held4', `{ ${SCANNER} }`]],
    ['nft flush set of a shared list', ['flush', 'set', 'inet', 'picket', 'shared_held4_24']],
    ['nft flush chain', ['flush', 'chain', 'inet', 'picket', 'drop_new']],
    ['nft add element to the allow set', ['add', 'element', 'inet', 'picket', 'allow4', `{ ${SCANNER} }`]],
    ['a table put to sleep', ['add', 'table', 'inet', 'picket', '{ flags dormant; }']],
  ])('is whole again within a second after %s', async (_what, argv) => {
    expect(await isWhole()).toBe(true);
    await nft(...argv);
    const fromMs = performance.now();
    await waitFor('the change to be seen', async () => changes > 0 || undefined, 15_000);
    await looks;
    await waitFor('a whole table', async () => (await isWhole()) || undefined, 15_000);
    // What was measured includes the six commands that look at it.
    expect(performance.now() - fromMs).toBeLessThan(HEALED_MS + 500);
    expect(await reaches()).toBe(false);
    if (argv[1] !== 'ruleset') expect(await nft('list', 'tables')).toContain('table inet others');
  });

  test('is whole again after one rule was deleted', async () => {
    const chain = await nft('-a', 'list', 'chain', 'inet', 'picket', 'drop_new');
    const [, handle = ''] = /@held4 .*# handle (\d+)/.exec(chain) ?? [];
    await nft('delete', 'rule', 'inet', 'picket', 'drop_new', 'handle', handle);
    await waitFor('a whole table', async () => (await isWhole()) || undefined, 15_000);
    expect(await reaches()).toBe(false);
  });

  test('is left alone by its watcher while only the agent, packets and time change it', async () => {
    const { firewall } = backend;
    await put(firewall, { ...want([], [], { untilMs: Date.now() + 1_000 }), ...NETWORKS });
    await put(firewall, { ...want(['192.0.2.77'], [], { untilMs: Date.now() + 1_000 }), ...NETWORKS });
    const many = Array.from({ length: 5_000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
    await put(firewall, { ...want(['192.0.2.77'], many, { untilMs: Date.now() + 1_000 }), ...NETWORKS });
    // Other tables, and the agent's other commands on this one.
    await nft('add', 'chain', 'inet', 'others', 'more');
    await nft('add', 'element', 'inet', 'picket', 'open_more', '{ tcp . 8443 }');
    await nft('flush', 'set', 'inet', 'picket', 'open_more');
    await openPorts(lab, 'scanner', lab.node('a').v4, '300-310');
    await waitFor(
      'the kernel to hold it',
      async () => (await held('held4')).includes(SCANNER) || undefined,
      15_000,
    );
    await waitFor(
      'a block to end',
      async () => !(await held('held4')).includes('192.0.2.77') || undefined,
      15_000,
    );
    expect(changes).toBe(0);
    expect(backend.said).toEqual([]);
  });

  test('keeps what the kernel decided and nobody knows of yet', async () => {
    await put(backend.firewall, { ...want([], ['198.51.100.0/24', '192.0.2.9']), ...NETWORKS });
    await nft('add', 'element', 'inet', 'picket', 'held4', '{ 192.0.2.123 timeout 1h }');
    await nft('flush', 'table', 'inet', 'picket');
    await waitFor('the table to be made again', async () => backend.said.length > 0 || undefined, 15_000);
    await looks;
    expect(await held('held4')).toEqual(['192.0.2.123']);
  });

  test('is watched again after the watcher died, and what happened meanwhile is found', async () => {
    const readers = async () => {
      const [here, perl] = await Promise.all([
        exec(['ip', 'netns', 'pids', lab.namespace('a')]),
        lab.exec('a', ['pgrep', '-f', 'group NFNLGRP_NFTABLES']),
      ]);
      const pids = new Set(here.stdout.trim().split('\n'));
      return perl.stdout
        .trim()
        .split('\n')
        .filter((pid) => pids.has(pid))
        .map(Number);
    };
    expect(await readers()).toHaveLength(1);
    for (const pid of await readers()) process.kill(pid, 'SIGKILL');
    await nft('flush', 'table', 'inet', 'picket');
    await waitFor('a whole table', async () => (await isWhole()) || undefined, 10_000);
    await nft('flush', 'ruleset');
    await waitFor('a whole table', async () => (await isWhole()) || undefined, 10_000);
  });

  describe('without Perl', () => {
    const watchBy = (deps: Partial<WatchDeps>) => {
      const { session } = backend;
      const all = { session, log() {}, onForeign() {}, signal: new AbortController().signal, ...deps };
      return watchTable(all, [NFT_READER]);
    };

    test('nft itself tells the same', async () => {
      let foreign = 0;
      const kept = await watchBy({ onForeign: () => foreign++ });
      await put(backend.firewall, { ...want([SCANNER, '192.0.2.5']), ...NETWORKS });
      expect(foreign).toBe(0);
      await nft('delete', 'element', 'inet', 'picket', 'held4', '{ 192.0.2.5 }');
      await waitFor('the change to be seen', async () => foreign > 0 || undefined, 15_000);
      await kept.stop();
    });

    test('who cannot tell its own changes from others says so, and watches nothing', async () => {
      const session = { ...backend.session, isOwn: () => false };
      await expect(watchBy({ session })).rejects.toThrow('process ids differ from ours');
    });
  });

  test('costs no message while a flood of probes fills the sets', async () => {
    await put(backend.firewall, { ...want([], []), ...NETWORKS });
    const monitor = lab.spawn('a', 'monitor', ['nft', 'monitor']);
    await waitFor(
      'the monitor to listen',
      async () => {
        await nft('add', 'chain', 'inet', 'others', 'heard');
        await nft('delete', 'chain', 'inet', 'others', 'heard');
        return (await monitor.output()).includes('delete chain') || undefined;
      },
      15_000,
    );
    const before = (await monitor.output()).length;
    const ports = ['-p', '1000-3000', '--min-rate', '5000'];
    await lab.exec('scanner', ['nmap', '-n', '-Pn', '-sS', '--max-retries', '0', ...ports, lab.node('a').v4]);
    expect((await monitor.output()).length).toBe(before);
    await monitor.stop();
  });
});
