import { readBlocks } from '@picket/agent/nft/elements';
import { renderRuleset } from '@picket/agent/nft/ruleset';
import { rulesetPolicy } from '@picket/agent/policy/derive';
import { parsePolicy } from '@picket/agent/policy/load';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Lab, openLab } from './lab.ts';
import { labMissing } from './missing.ts';
import { waitFor } from './wait.ts';

const missing = labMissing();
const SETS = ['held4', 'held64', 'held128'];

/** The table alone, without any agent: the kernel decides. The policy is the shipped default. */
describe.skipIf(missing)(`the kernel's own detection${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let lab: Lab;
  let [target, target6, last] = ['', '', 100];
  beforeAll(async () => {
    lab = await openLab({ hosts: ['a'] });
    [target, target6] = [lab.node('a').v4, lab.node('a').v6];
  });
  afterAll(() => lab.close());
  beforeEach(async () => {
    await lab.exec('a', ['nft', 'delete', 'table', 'inet', 'picket']);
    await load();
  });

  /** Loads the table of a policy; the shipped default unless a test says otherwise. */
  const load = async (policy = '', enforce = true): Promise<void> => {
    const ruleset = renderRuleset(rulesetPolicy(parsePolicy(policy, ''), [32_768, 60_999], true), enforce);
    const onLink = 'add element inet picket onlink6 { 2001:db8:1::/64 }\n';
    await lab.mustExec('a', ['nft', '-f', '-'], { stdin: ruleset + onLink });
  };

  const held = async (): Promise<string[]> => {
    const lists = await Promise.all(
      SETS.map((set) => lab.mustExec('a', ['nft', '-j', 'list', 'set', 'inet', 'picket', set])),
    );
    return lists.flatMap((json) => readBlocks(json, 0)).map((block) => block.source);
  };
  const counted = async (counter: string): Promise<number> => {
    const printed = await lab.mustExec('a', ['nft', 'list', 'counter', 'inet', 'picket', counter]);
    return Number(/packets (\d+)/.exec(printed)?.[1]);
  };
  /** A fresh address of the scanner's, so that no cell knows of another. */
  const fresh = async (family: 4 | 6): Promise<string> => {
    const address = family === 4 ? `203.0.113.${++last}` : `2001:db8:1::${++last}`;
    await lab.addAddress('scanner', address);
    return address;
  };
  const scan = (address: string, ...argv: string[]) => {
    const family = address.includes(':') ? ['-6', target6] : [target];
    return lab.mustExec('scanner', [
      'nmap',
      '-n',
      '-Pn',
      '--max-retries',
      '0',
      '-S',
      address,
      '-e',
      'eth0',
      ...argv,
      ...family,
    ]);
  };

  test.each([
    ...(['-sS', '-sF', '-sN', '-sX', '-sU'] as const).flatMap((how) => [
      [how, 4] as const,
      [how, 6] as const,
    ]),
  ])('nmap %s over IPv%i is held at the fourth port, and the fourth is not answered', async (how, family) => {
    const witness = await lab.witness('a');
    const address = await fresh(family);
    await scan(address, how, '-p', '300-340', '--host-timeout', '20s');
    expect(await held()).toEqual([address]);
    expect(await counted('probes')).toBe(4);
    const { refused, unreachable } = await witness.answered(address);
    expect(refused + unreachable).toBe(3);
  });

  test.each([
    ['an ACK scan', ['-sA'], 12],
    ['a window scan', ['-sW'], 12],
    ['a Maimon scan', ['-sM'], 12],
    ['SYN with FIN', ['-sS', '--scanflags', 'SYNFIN'], 4],
    ['SYN with RST', ['-sS', '--scanflags', 'SYNRST'], 4],
    ['URG alone', ['-sS', '--scanflags', 'URG'], 4],
    ['SCTP INIT', ['-sY'], 4],
    ['SCTP COOKIE ECHO', ['-sZ'], 4],
  ] as const)('%s is held after as many ports as its evidence needs', async (_name, how, probes) => {
    for (const family of [4, 6] as const) {
      await lab.exec('a', ['nft', 'delete', 'table', 'inet', 'picket']);
      await load();
      const address = await fresh(family);
      await scan(address, ...how, '-p', '300-340', '--host-timeout', '20s');
      expect([family, await held(), await counted('probes')]).toEqual([family, [address], probes]);
    }
  });

  test('a scan of IP protocols is held at the fourth that no neighbour speaks', async () => {
    for (const family of [4, 6] as const) {
      const address = await fresh(family);
      await scan(address, '-sO', '-p', '60-140', '--host-timeout', '20s');
      expect(await held()).toContain(address);
    }
  });

  test('one port on many addresses of the host is a scan', async () => {
    const address = await fresh(4);
    const more = ['203.0.113.70', '203.0.113.71', '203.0.113.72'];
    for (const own of more) await lab.addAddress('a', own);
    await lab.mustExec('scanner', [
      ...['nmap', '-n', '-Pn', '-sS', '--max-retries', '0', '-S', address, '-e', 'eth0', '-p', '445'],
      ...[target, ...more],
    ]);
    expect(await held()).toEqual([address]);
  });

  test('a probe of a tripwire port trips at once', async () => {
    await lab.exec('a', ['nft', 'delete', 'table', 'inet', 'picket']);
    await load('[threshold]\ntripwire_tcp = "23"');
    const address = await fresh(4);
    await scan(address, '-sS', '-p', '445');
    expect(await held()).toEqual([]);
    await scan(address, '-sS', '-p', '23');
    expect(await held()).toEqual([address]);
  });

  test('a client of a service may try six unused ports', async () => {
    await lab.exec('a', ['nft', 'delete', 'table', 'inet', 'picket']);
    await load('[block]\nclients = "any"');
    const address = await fresh(4);
    const visit = `require('node:net').connect({ port: 80, host: '${target}', localAddress: '${address}' })
      .on('connect', function () { this.end('GET / HTTP/1.0\\r\\n\\r\\n'); }).resume()`;
    await lab.mustExec('scanner', [process.execPath, '-e', visit]);
    await scan(address, '-sS', '-p', '300-305');
    expect([await counted('probes'), await held()]).toEqual([6, []]);
    await scan(address, '-sS', '-p', '306');
    expect(await held()).toEqual([address]);
  });

  test('three thousand addresses of one /64 are held by one entry', async () => {
    const script = `for i in $(seq 1 3000); do printf 'address add 2001:db8:66::a:%x/128 dev eth0 nodad\n' "$i"; done | ip -batch -`;
    await lab.mustExec('far', ['sh', '-c', script]);
    // Each address asks for one port of its own.
    const probe = `const net = require('node:net'); for (let i = 1; i <= 3000; i++) {
      const s = net.connect({ port: 300 + i, host: '${target6}', localAddress: '2001:db8:66::a:' + i.toString(16) });
      s.on('error', () => {}); setTimeout(() => s.destroy(), 1500); }`;
    await lab.mustExec('far', [process.execPath, '-e', probe]);
    expect([await held(), await counted('probes')]).toEqual([['2001:db8:66::/64'], 4]);
  });

  test('a port that is served without a socket, as a virtual service of IPVS is, is no unused one', async () => {
    await lab.mustExec('a', ['nft', 'add', 'element', 'inet', 'picket', 'open_more', '{ tcp . 8443 }']);
    await scan(await fresh(4), '-sS', '-p', '8443');
    await scan(await fresh(4), '-sA', '-p', '8443');
    expect(await counted('probes')).toBe(0);
  });

  test('who looks for the way to a host with traceroute is no scanner', async () => {
    await lab.exec('a', ['nft', 'delete', 'table', 'inet', 'picket']);
    const ruleset = renderRuleset(rulesetPolicy(parsePolicy('', ''), [49_152, 65_535], true), true);
    await lab.mustExec('a', ['nft', '-f', '-'], { stdin: ruleset });
    await scan(await fresh(4), '-sU', '-p', '33434-33449', '--min-rate', '100');
    expect(await counted('probes')).toBe(0);
  });

  test('what has a wrong checksum, and is dropped by the host, is no probe', async () => {
    const address = await fresh(4);
    for (const how of ['-sS', '-sU']) await scan(address, how, '--badsum', '-p', '300-310');
    expect(await counted('probes')).toBe(0);
  });

  test('an ignored interface is not watched', async () => {
    await lab.exec('a', ['nft', 'delete', 'table', 'inet', 'picket']);
    await load('[watch]\nignore_interfaces = ["eth0"]');
    await scan(await fresh(4), '-sS', '-p', '300-310');
    expect([await counted('probes'), await held()]).toEqual([0, []]);
  });

  test('a silent host answers no probe, and still serves its ports', async () => {
    await lab.exec('a', ['nft', 'delete', 'table', 'inet', 'picket']);
    await load('[watch]\nanswer = "silent"');
    const witness = await lab.witness('a');
    const address = await fresh(4);
    await scan(address, '-sS', '-p', '22,300-301', '--host-timeout', '20s');
    expect(await witness.answered(address)).toEqual({ accepted: 1, refused: 0, unreachable: 0 });
    expect(await counted('probes')).toBe(2);
  });

  test('in observe mode a scan trips once, and every port is answered as ever', async () => {
    await lab.exec('a', ['nft', 'delete', 'table', 'inet', 'picket']);
    await load('', false);
    const witness = await lab.witness('a');
    const address = await fresh(4);
    await scan(address, '-sS', '-p', '22,300-320');
    expect([await held(), await counted('trips'), await counted('probes')]).toEqual([[address], 1, 21]);
    expect(await witness.answered(address)).toEqual({ accepted: 1, refused: 21, unreachable: 0 });
  });

  test('a source behind a router is held by its /64 over IPv6', async () => {
    await lab.mustExec('far', [
      'nmap',
      '-6',
      '-n',
      '-Pn',
      '-sS',
      '--max-retries',
      '0',
      '-p',
      '300-310',
      target6,
    ]);
    expect(await held()).toEqual(['2001:db8:66::/64']);
  });

  test('fragments do not hide a scan', async () => {
    const address = await fresh(4);
    await scan(address, '-sS', '-f', '-p', '300-310');
    expect(await held()).toEqual([address]);
  });

  test('one closed port tried again and again is one probe and trips nobody', async () => {
    const address = await fresh(4);
    for (let i = 0; i < 6; i++) await scan(address, '-sS', '-p', '445');
    expect([await counted('probes'), await held()]).toEqual([1, []]);
  });

  test('clients of the services that are there are no probes', async () => {
    for (let i = 0; i < 5; i++)
      await lab.mustExec('client', ['nmap', '-n', '-Pn', '-sT', '-p', '22,80', target]);
    expect([await counted('probes'), await held()]).toEqual([0, []]);
  });

  test('the default leaves out the ports that PortSentry left out', async () => {
    await scan(await fresh(4), '-sS', '-p', '113,139');
    await scan(await fresh(4), '-sU', '-p', '67,137,138,520');
    expect([await counted('probes'), await held()]).toEqual([0, []]);
  });

  test('a source on the allow list is not even counted', async () => {
    const address = await fresh(4);
    await lab.mustExec('a', ['nft', 'add', 'element', 'inet', 'picket', 'allow4', `{ ${address} }`]);
    await scan(address, '-sS', '-p', '300-340');
    expect([await counted('probes'), await held()]).toEqual([0, []]);
  });

  test('clients of a service that restarts are forgiven', async () => {
    const serve = () =>
      lab.spawn('a', 'service', [process.execPath, '-e', "require('node:net').createServer().listen(8080)"]);
    const state = async (what: string) =>
      (await lab.mustExec('client', ['nmap', '-n', '-Pn', '-sT', '-p', '8080', target])).includes(
        `8080/tcp ${what}`,
      );
    const service = serve();
    await waitFor('the service', () => state('open'), 10_000);
    const before = await counted('probes');
    await service.stop();
    expect(await state('closed')).toBe(true);
    expect(await counted('probes')).toBe(before);
  });

  test('a late answer to a datagram of this host is no probe', async () => {
    const ask =
      "const s = require('node:dgram').createSocket('udp4'); s.bind(5000, () => s.send('?', 53, process.argv[1], () => s.close()))";
    await lab.mustExec('a', [process.execPath, '-e', ask, lab.node('client').v4]);
    const answer =
      "const s = require('node:dgram').createSocket('udp4'); s.bind(53, () => s.send('!', 5000, process.argv[1], () => s.close()))";
    await lab.mustExec('client', [process.execPath, '-e', answer, target]);
    expect(await counted('probes')).toBe(0);
    await lab.mustExec('scanner', [process.execPath, '-e', answer, target]);
    expect(await counted('probes')).toBe(1);
  });

  test('an answer of a service of this host makes its client immune to nothing else', async () => {
    const address = await fresh(4);
    const echo =
      "const s = require('node:dgram').createSocket('udp4'); s.on('message', (m, r) => s.send(m, r.port, r.address)); s.bind(5060)";
    const service = lab.spawn('a', 'udp-echo', [process.execPath, '-e', echo]);
    const ask = `const s = require('node:dgram').createSocket('udp4'); s.on('message', () => process.exit(0));
      s.bind(20000, '${address}', () => setInterval(() => s.send('?', 5060, '${target}'), 50)); setTimeout(() => process.exit(1), 5000)`;
    await lab.mustExec('scanner', [process.execPath, '-e', ask]);
    await scan(address, '-sU', '-g', '20000', '-p', '300-310');
    expect(await held()).toEqual([address]);
    await service.stop();
  });

  test('a held neighbour is still found on the wire, so that its connections live', async () => {
    const address = await fresh(6);
    await scan(address, '-sS', '-p', '300-310');
    expect(await held()).toEqual([address]);
    await lab.mustExec('a', ['ip', 'neigh', 'flush', 'all']);
    await lab.mustExec('a', ['ping', '-6', '-c1', '-W2', address]);
  });

  test('when the kernel can remember no more, a client that tries one port again is no scanner', async () => {
    const elements = Array.from(
      { length: 131_072 },
      (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255} . tcp . 1 . ${target}`,
    );
    for (let from = 0; from < elements.length; from += 32_768) {
      const chunk = elements.slice(from, from + 32_768).join(', ');
      await lab.mustExec('a', ['nft', '-f', '-'], { stdin: `add element inet picket seen4 { ${chunk} }\n` });
    }
    const address = await fresh(4);
    for (let i = 0; i < 6; i++) await scan(address, '-sS', '-p', '445');
    expect(await held()).toEqual([]);
  });

  test('a held source is refused from then on', async () => {
    const witness = await lab.witness('a');
    const address = await fresh(4);
    await scan(address, '-sS', '-p', '300-340');
    const before = await witness.answered(address);
    await scan(address, '-sS', '-p', '22,80,341-360');
    expect(await witness.answered(address)).toEqual(before);
  });
});
