import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Watch, watchByCapture } from './capture-watch.ts';
import { type Lab, openLab } from './lab.ts';
import { labMissing } from './missing.ts';
import { waitFor } from './wait.ts';

const missing = labMissing();

const ROOT = resolve(import.meta.dirname, '../..');
const AGENT = join(ROOT, 'agent/src/main.ts');

/** nmap's option, what the engine must name it, and what of nmap's `-p` it takes. */
const SCANS = [
  ['-sS', 'syn', '300-320'],
  ['-sF', 'fin', '300-320'],
  ['-sN', 'null', '300-320'],
  ['-sX', 'xmas', '300-320'],
  ['-sM', 'maimon', '300-320'],
  ['-sA', 'ack', '300-320'],
  ['-sU', 'udp', '300-320'],
  ['-sY', 'sctp-init', '300-320'],
  ['-sZ', 'sctp-cookie-echo', '300-320'],
  ['-sO', 'ip-protocol', '143-163'],
] as const;

describe.skipIf(missing)(`the capture engine${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let lab: Lab;
  let watch: Watch;
  let [target, target6, last] = ['', '', 100];
  beforeAll(async () => {
    lab = await openLab({ hosts: ['a', 'b'] });
    [target, target6] = [lab.node('a').v4, lab.node('a').v6];
    watch = await watchByCapture(lab, 'a');
  });
  afterAll(async () => {
    await watch?.stop();
    await lab?.close();
  });

  /** A fresh address of the scanner's, so that no cell knows of another. */
  const fresh = async (family: 4 | 6): Promise<string> => {
    const address = family === 4 ? `203.0.113.${++last}` : `2001:db8:1::${++last}`;
    await lab.addAddress('scanner', address);
    return address;
  };
  const NMAP = ['nmap', '-n', '-Pn', '--max-retries', '0', '--host-timeout', '30s'];
  const scan = (address: string, argv: readonly string[], to = address.includes(':') ? target6 : target) => {
    const family = to.includes(':') ? ['-6'] : [];
    return lab.mustExec('scanner', [...NMAP, ...family, '-S', address, '-e', 'eth0', ...argv, to]);
  };
  const script = (text: string) => [process.execPath, '-e', text];

  test.each(SCANS.flatMap((row) => [[...row, 4] as const, [...row, 6] as const]))(
    'nmap %s trips as %s (%s, IPv%i)',
    async (how, technique, ports, family) => {
      const address = await fresh(family);
      await scan(address, [how, '-p', ports]);
      expect(await watch.tripped(address)).toEqual([technique]);
    },
  );

  test('a connect scan trips by its SYNs', async () => {
    for (const to of [target, target6]) {
      const family = to.includes(':') ? ['-6'] : [];
      await lab.mustExec('far', [...NMAP, ...family, '-sT', '-p', '300-320', to]);
    }
    expect(await watch.tripped(lab.node('far').v4)).toEqual(['syn']);
    expect(await watch.tripped(lab.node('far').v6)).toEqual(['syn']);
  });

  test.each(['-sS', '-sF'])('fragments of 8 bytes do not hide %s', async (how) => {
    const address = await fresh(4);
    await scan(address, [how, '-f', '-p', '300-320']);
    expect(await watch.tripped(address)).toHaveLength(1);
  });

  test('odd flags to a port with a listener are seen when no connection is known', async () => {
    const address = await fresh(4);
    await scan(address, ['-sX', '-p', '22,80']);
    await waitFor('both ports', () => watch.seenFrom(address).length === 2, 15_000);
  });

  test('a second address of the host is watched', async () => {
    await lab.addAddress('a', '203.0.113.90');
    const address = await fresh(4);
    await expect
      .poll(
        async () => {
          await scan(address, ['-sS', '-p', '400-410'], '203.0.113.90');
          return watch.seenFrom(address).some(({ probe }) => probe.localAddress === '203.0.113.90');
        },
        { timeout: 15_000 },
      )
      .toBe(true);
    expect(await watch.tripped(address)).toEqual(['syn']);
  });

  test('clients of the services that are there are no probes, and become known as clients', async () => {
    const { v4 } = lab.node('client');
    const talk = `require('node:http').get('http://${target}/', (r) => r.resume().on('end', () => process.exit(0)))`;
    for (let i = 0; i < 5; i++) await lab.mustExec('client', script(talk));
    await watch.settled();
    expect(watch.seenFrom(v4)).toEqual([]);
    await lab.mustExec('client', [...NMAP, '-sS', '-p', '333', target]);
    await waitFor('the probe of a client', () => watch.seenFrom(v4).length === 1, 15_000);
    expect(watch.seenFrom(v4)[0]?.isClient).toBe(true);
  });

  test('clients of a service that opens, restarts and ends are forgiven', async () => {
    const address = await fresh(4);
    const serve = () => lab.spawn('a', 'service', script("require('node:net').createServer().listen(8080)"));
    const isServed = async (is: string) =>
      (await scan(address, ['-sS', '-p', '8080'])).includes(`8080/tcp ${is}`);
    for (let i = 0; i < 3; i++) {
      const service = serve();
      await lab.mustExec('a', ['sh', '-c', 'until ss -ltn | grep -q :8080; do sleep 0.05; done']);
      await waitFor('the service', () => isServed('open'), 10_000);
      await service.stop();
      expect(await isServed('closed')).toBe(true);
    }
    await watch.settled();
    expect(watch.seenFrom(address)).toEqual([]);
  });

  test('clients of a redirected port are no probes', async () => {
    const nat = `table inet nat { chain pre { type nat hook prerouting priority -100;
      tcp dport 8443 redirect to :80
      udp dport 5300 redirect to :5301
      }
    }
`;
    await lab.mustExec('a', ['nft', '-f', '-'], { stdin: nat });
    const echo =
      "const s = require('node:dgram').createSocket('udp4'); s.on('message', (m, r) => s.send(m, r.port, r.address)); s.bind(5301)";
    const service = lab.spawn('a', 'udp-echo', script(echo));
    const address = await fresh(4);
    const talk = `require('node:http').get({ host: '${target}', port: 8443, localAddress: '${address}', agent: false }, (r) => r.resume().on('end', () => process.exit(0)))`;
    const ask = `const s = require('node:dgram').createSocket('udp4'); s.on('message', () => process.exit(0));
      s.bind(0, '${address}', () => setInterval(() => s.send('?', 5300, '${target}'), 50)); setTimeout(() => process.exit(1), 5000)`;
    for (let i = 0; i < 5; i++) {
      await lab.mustExec('scanner', script(talk));
      await lab.mustExec('scanner', script(ask));
    }
    await watch.settled();
    expect(watch.seenFrom(address)).toEqual([]);
    await service.stop();
  });

  test('late answers to this host, and resets and answers of others, are no probes', async () => {
    const address = await fresh(4);
    const ask = `const s = require('node:dgram').createSocket('udp4'); s.bind(5000, () => s.send('?', 53, '${address}', () => s.close()))`;
    await lab.mustExec('a', script(ask));
    const answer = `const s = require('node:dgram').createSocket('udp4'); s.bind(53, '${address}', () => s.send('!', 5000, '${target}', () => s.close()))`;
    await lab.mustExec('scanner', script(answer));
    for (const flags of ['rst', 'rst,ack', 'syn,ack'])
      await lab.mustExec('scanner', [
        ...['nping', '--tcp', '--flags', flags, '-S', address, '-g', '80', '-p', '300-310', '-c', '1'],
        ...['--rate', '100', '-N', '-q', '-H', target],
      ]);
    await watch.settled();
    expect(watch.seenFrom(address)).toEqual([]);
  });

  test('the agent blocks a scanner that the engine told, and no client', async () => {
    const folder = join(lab.folder, 'agent-b');
    await mkdir(folder, { mode: 0o700 });
    const config = join(folder, 'picket.toml');
    await writeFile(config, `state_dir = ${JSON.stringify(folder)}\n[watch]\nengine = "capture"\n`);
    const program = [process.execPath, '--import', 'tsx', AGENT, 'run', '--config', config];
    const agent = lab.spawn('b', 'agent-b', program, { cwd: ROOT });
    await agent.printed(/watching.*capture/, 30_000);
    const { v4: to } = lab.node('b');
    const address = await fresh(4);
    await scan(address, ['-sS', '-p', '300-320'], to);
    const isOpen = async (from: string) =>
      (await scan(from, ['-sS', '-p', '80'], to)).includes('80/tcp open');
    await expect.poll(() => isOpen(address), { timeout: 10_000 }).toBe(false);
    expect(await isOpen(await fresh(4))).toBe(true);
    await agent.stop();
  });

  test('one interface by name is captured as on systems without one for all', async () => {
    const other = await watchByCapture(lab, 'b', 'ignore_interfaces = ["lo"]\n');
    const { v4: to, v6: to6 } = lab.node('b');
    for (const [family, technique, how] of [
      [4, 'syn', '-sS'],
      [6, 'udp', '-sU'],
      [4, 'ack', '-sA'],
    ] as const) {
      const address = await fresh(family);
      await scan(address, [how, '-p', '300-320'], family === 4 ? to : to6);
      expect(await other.tripped(address)).toEqual([technique]);
    }
    const address = await fresh(4);
    await scan(address, ['-sS', '-p', '22,80'], to);
    await other.settled();
    expect(other.seenFrom(address)).toEqual([]);
    await other.stop();
  });

  test('a service that stays is left out by a new capture, and no probe is missed meanwhile', async () => {
    const [before] = await watch.captures();
    const service = lab.spawn('a', 'stays', script("require('node:net').createServer().listen(8090)"));
    const address = await fresh(4);
    const scanning = scan(address, ['-sS', '-p', '2000-3249', '--max-rate', '50']);
    const isReplaced = async () => {
      const now = await watch.captures();
      return now.length === 1 && now[0] !== before;
    };
    await waitFor('a new capture alone', isReplaced, 40_000);
    await scanning;
    await watch.settled();
    expect(new Set(watch.seenFrom(address).map(({ probe }) => probe.port)).size).toBe(1_250);
    await service.stop();
  });

  test('a capture that is killed is started again', async () => {
    const [before] = await watch.captures();
    if (before === undefined) throw new Error('no capture runs');
    process.kill(before, 'SIGKILL');
    const isBack = async () => (await watch.captures()).some((pid) => pid !== before);
    await waitFor('a new capture', isBack, 10_000);
    expect(watch.said).toContainEqual(expect.stringContaining('tcpdump on any ended (SIGKILL'));
    const address = await fresh(4);
    await expect
      .poll(async () => {
        await scan(address, ['-sS', '-p', '300-305']);
        return watch.seenFrom(address).length;
      })
      .toBeGreaterThan(3);
  });

  test('what was lost is counted', async () => {
    expect(await watch.lost()).toBe(0);
  });

  test('how long a probe takes to be told is measured', async () => {
    const address = await fresh(4);
    const ports = Array.from({ length: 400 }, (_, i) => 1_000 + i);
    await scan(address, ['-sS', '-p', ports.join(), '--max-rate', '100']);
    await waitFor('all probes', () => watch.seenFrom(address).length >= ports.length, 15_000);
    await watch.settled();
    const told = new Set(watch.seenFrom(address).map(({ probe }) => probe.port));
    const delays = watch.seenFrom(address).map(({ probe, cameAtMs }) => cameAtMs - probe.atMs);
    delays.sort((a, b) => a - b);
    const at = (share: number) => delays[Math.floor(delays.length * share)]?.toFixed(2);
    console.log(`probe told after p50 ${at(0.5)} ms, p99 ${at(0.99)} ms of ${delays.length}`);
    expect(told.size).toBe(ports.length);
  });
});
