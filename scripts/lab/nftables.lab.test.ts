import { firewallContract, put, want } from '@picket/agent/firewall/contract';
import type { Firewall } from '@picket/agent/firewall/firewall';
import { readBlocks } from '@picket/agent/nft/elements';
import { BLOCK_SETS, blockSet } from '@picket/agent/nft/names';
import { rulesetPolicy } from '@picket/agent/policy/derive';
import { parsePolicy } from '@picket/agent/policy/load';
import { nftCheck } from '@picket/agent/run/nft-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Lab, openLab } from './lab.ts';
import { labMissing } from './missing.ts';
import { nftBackend } from './nft-backend.ts';
import { nftSystem } from './nft-subject.ts';
import { waitFor } from './wait.ts';

const missing = labMissing();
const SCANNER = '203.0.113.200';
const NETWORKS = { allow: [], onLink: ['2001:db8:1::/64'], enforce: true };

describe.skipIf(missing)(`nftables in the lab${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab({ hosts: ['a'] });
  });
  afterAll(() => lab.close());
  const clean = () => lab.exec('a', ['nft', 'delete', 'table', 'inet', 'picket']);
  beforeEach(clean);

  const opened: Firewall[] = [];
  const said: string[] = [];
  const backend = () => {
    const { firewall } = nftBackend(lab, 'a', {}, said);
    opened.push(firewall);
    return firewall;
  };
  afterEach(() => Promise.all(opened.splice(0).map((firewall) => firewall.close?.())));
  const refused = async () => {
    const lists = await Promise.all(
      BLOCK_SETS.map(({ origin, tier, key }) =>
        lab.exec('a', ['nft', '-j', 'list', 'set', 'inet', 'picket', blockSet(origin, tier, key)]),
      ),
    );
    const blocks = lists.flatMap(({ status, stdout }) =>
      status === 0 ? readBlocks(stdout, Date.now()) : [],
    );
    return [...new Set(blocks.map((block) => block.source))];
  };

  const prepare = async () => {
    await clean();
    return { firewall: backend(), reopen: backend, said, ...nftSystem(lab, 'a') };
  };
  firewallContract('nftables', prepare, { refusesAround: true });

  test('a policy of many single tripwires, and with a name that Linux does not have, is taken in time', async () => {
    const ports = Array.from({ length: 32_768 }, (_, i) => 2 * i + 1).join(',');
    const policy = parsePolicy(
      `[threshold]\ntripwire_tcp = "${ports}"\n[watch]\nignore_interfaces = ["a-name-of-illumos0", "eth1"]`,
      '',
    );
    const { session } = nftBackend(lab, 'a');
    expect(await nftCheck(session.run, rulesetPolicy(policy, [32_768, 60_999], true))).toBeUndefined();
  });

  const reaches = async (from = 'scanner') =>
    (await lab.exec(from, ['ping', '-c1', '-W1', lab.node('a').v4])).status === 0;

  const connects = async (port: number) => {
    const { stdout } = await lab.exec('scanner', [
      'nmap',
      '-n',
      '-Pn',
      '-sT',
      '-p',
      `${port}`,
      lab.node('a').v4,
    ]);
    return stdout.includes(`${port}/tcp open`);
  };

  test('a held source is refused in the kernel, and the refused packets are counted', async () => {
    const firewall = backend();
    await firewall.open(NETWORKS);
    expect(await reaches()).toBe(true);
    await put(firewall, { ...want([SCANNER]), ...NETWORKS });
    expect(await reaches()).toBe(false);
    expect(await firewall.look()).toMatchObject([{ source: SCANNER, tier: 'held', packets: 1 }]);
  });

  test('allow wins in the kernel over every block', async () => {
    const firewall = backend();
    await firewall.open(NETWORKS);
    const dropped = want([SCANNER], [SCANNER], { tier: 'dropped' });
    await put(firewall, { ...dropped, ...NETWORKS, allow: ['203.0.113.192/26'] });
    expect(await reaches()).toBe(true);
    await firewall.apply({ ...dropped, ...NETWORKS });
    expect(await reaches()).toBe(false);
  });

  test("an allowed address goes through the network's CIDR around it, and its neighbours do not", async () => {
    const firewall = backend();
    await firewall.open(NETWORKS);
    const wide = want([], ['203.0.113.0/24']);
    await put(firewall, { ...wide, ...NETWORKS, allow: [SCANNER] });
    expect([await reaches(), await reaches('client')]).toEqual([true, false]);
    await firewall.apply({ ...wide, ...NETWORKS });
    expect(await reaches()).toBe(false);
  });

  test('what others put into the allow set by hand is taken out by the next look, also where nobody watches', async () => {
    const firewall = backend();
    await firewall.open(NETWORKS);
    await put(firewall, { ...want([SCANNER]), ...NETWORKS });
    await lab.mustExec('a', ['nft', 'add', 'element', 'inet', 'picket', 'allow4', `{ ${SCANNER} }`]);
    expect(await reaches()).toBe(true);
    said.length = 0;
    await firewall.look();
    expect(await reaches()).toBe(false);
    expect(said.join()).toContain(`others added ${SCANNER} to the set allow4`);
  });

  test('the short hold of the kernel becomes the longer block of who came back', async () => {
    const firewall = backend();
    await firewall.open(NETWORKS);
    const held = `add element inet picket held4 { ${SCANNER} timeout 10s }`;
    await lab.mustExec('a', ['nft', held]);
    await put(firewall, { ...want([SCANNER]), ...NETWORKS });
    const [block] = await firewall.look();
    expect((block?.untilMs ?? 0) - Date.now()).toBeGreaterThan(3_000_000);
    expect(await reaches()).toBe(false);
  });

  test('a new agent finds the blocks in force, and leaves them so while it loads its table', async () => {
    const first = backend();
    await first.open(NETWORKS);
    await put(first, { ...want([SCANNER, '2001:db8:66::/64']), ...NETWORKS });
    const found = await backend().open(NETWORKS);
    expect(found.map((block) => block.source).sort()).toEqual(['2001:db8:66::/64', SCANNER]);
    expect(await reaches()).toBe(false);
  });

  test('after somebody flushed the ruleset the next change puts all blocks back', async () => {
    const firewall = backend();
    await firewall.open(NETWORKS);
    await put(firewall, { ...want([SCANNER]), ...NETWORKS });
    await lab.mustExec('a', ['nft', 'flush', 'ruleset']);
    await put(firewall, { ...want([SCANNER, '198.51.100.9']), ...NETWORKS });
    expect(await reaches()).toBe(false);
  });

  test('after somebody flushed the ruleset the next look at the counters puts everything back', async () => {
    const firewall = backend();
    await firewall.open(NETWORKS);
    await put(firewall, { ...want([SCANNER], [], { decidedBy: 'kernel' }), ...NETWORKS });
    await lab.mustExec('a', ['nft', 'flush', 'ruleset']);
    await firewall.look();
    expect(await reaches()).toBe(false);
    await lab.mustExec('a', ['nft', 'list', 'chain', 'inet', 'picket', 'detect']);
  });

  test('a held source keeps the connection it has and gets no new one; a dropped one loses it', async () => {
    const firewall = backend();
    await firewall.open(NETWORKS);
    const echo = "require('node:net').createServer((s) => s.on('error', () => {}).pipe(s)).listen(7)";
    const server = lab.spawn('a', 'echo-server', [process.execPath, '-e', echo]);
    const talk = `const s = require('node:net').connect(7, '${lab.node('a').v4}');
      s.on('data', (d) => console.log(String(d).trim())); let n = 0; setInterval(() => s.write('word ' + n++ + '\\n'), 50)`;
    const words = async () => (await client.output()).trim().split('\n').length;
    await waitFor('the echo server', async () => (await connects(7)) || undefined, 15_000);
    const client = lab.spawn('scanner', 'echo-client', [process.execPath, '-e', talk]);
    await client.printed(/word 0/, 5_000);
    const hearsMore = async (limitMs: number) => {
      const before = await words();
      return waitFor('more words', async () => (await words()) > before + 2 || undefined, limitMs).catch(
        () => false,
      );
    };
    expect(await hearsMore(5_000)).toBe(true);
    await put(firewall, { ...want([SCANNER]), ...NETWORKS });
    expect(await connects(7)).toBe(false);
    expect(await hearsMore(5_000)).toBe(true);
    await put(firewall, { ...want([SCANNER], [], { tier: 'dropped' }), ...NETWORKS });
    await words();
    expect(await hearsMore(1_000)).toBe(false);
    await Promise.all([client.stop(), server.stop()]);
  });

  test('50,000 shared blocks are in force together', async () => {
    const firewall = backend();
    await firewall.open(NETWORKS);
    const sources = Array.from({ length: 50_000 }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
    // Not the scanner: a connection that it still has would make it a client, against whom nothing unproven holds.
    await put(firewall, { ...want([], [...sources, lab.node('client').v4]), ...NETWORKS });
    await waitFor('all to be in force', async () => (await refused()).length === 50_001, 30_000);
    expect(await reaches('client')).toBe(false);
  });
});
