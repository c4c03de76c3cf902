import type { Lab } from '../lab.ts';
import { BOX, HOST, type Kind, type Stage } from './kind.ts';
import { hold, numbers, send, serve, talk } from './programs.ts';

/** Outside addresses of the router: of a home that moves from one to the other, and of a carrier. */
const [BEFORE, AFTER, CARRIER] = ['203.0.113.51', '203.0.113.52', '203.0.113.53'];

/** The network between the watched host and its container (TEST-NET-1). */
const INSIDE = { host: '192.0.2.1', box: '192.0.2.2' };

/** Gives the router's network one outside address, and forgets the one it had. */
async function translate({ lab }: Stage, to: string): Promise<void> {
  const rule = `ip saddr 198.51.100.0/24 snat to ${to}`;
  const table = `add table ip home\ndelete table ip home\ntable ip home { chain out { type nat hook postrouting priority 100\n ${rule}\n }\n}\n`;
  await lab.exec('router', ['ip', 'address', 'add', `${to}/24`, 'dev', 'eth0']);
  await lab.mustExec('router', ['nft', '-f', '-'], { stdin: table });
  await lab.exec('router', ['conntrack', '-F']);
}

const endTranslation = ({ lab }: Stage) => lab.exec('router', ['nft', 'delete', 'table', 'ip', 'home']);

const rebinding: Kind = {
  name: 'nat-rebinding',
  about: "a client whose address and ports change in the middle of TCP and UDP talks: its router's do",
  run: async (stage) => {
    const { v4: to } = stage.lab.node(HOST);
    const service = await serve(stage, { udp: [4_433] });
    await translate(stage, BEFORE);
    const datagrams = [{ to, port: 4_433, fromPort: 40_001, times: 10 }];
    await send(stage, 'far', datagrams);
    const talks = numbers(0, 20).map((i) => ({ to, port: i % 2 ? 80 : 22, end: 'hold' as const, rounds: 1 }));
    const client = await hold(stage, 'far', talks);
    await translate(stage, AFTER);
    await client.kill('SIGUSR1');
    await send(stage, 'far', datagrams);
    await endTranslation(stage);
    await service.stop();
  },
};

/** Clients behind the carrier's address. */
const CLIENTS = numbers(11, 30).map((last) => `198.51.100.${last}`);

const carrier: Kind = {
  name: 'carrier-nat',
  about:
    'thirty clients behind one address, whose mappings end while they idle; what they send afterwards comes anew',
  run: async (stage) => {
    const { lab } = stage;
    const { v4: to } = lab.node(HOST);
    for (const address of CLIENTS)
      await lab.exec('far', ['ip', 'address', 'add', `${address}/24`, 'dev', 'eth0']);
    await translate(stage, CARRIER);
    const call = (end: 'hold' | 'rst') =>
      CLIENTS.map((from, i) => ({ to, port: i % 2 ? 80 : 22, from, end, rounds: 1 }));
    await talk(stage, 'far', call('rst'));
    const idle = await hold(stage, 'far', call('hold'));
    await lab.exec('router', ['conntrack', '-F']);
    await stage.forget();
    await idle.kill('SIGUSR1');
    await endTranslation(stage);
  },
};

/** Ports of the watched host that lead into its container, and there: two are open, two are not. */
const PUBLISHED = [
  [8_080, 80],
  [8_081, 22],
  [8_082, 81],
  [8_083, 82],
  [8_084, 83],
  [8_085, 84],
] as const;

/** Puts a host of the lab behind the watched one. */
async function attachBox({ lab }: Stage): Promise<void> {
  const [host, box] = [lab.namespace(HOST), lab.namespace(BOX)];
  const exists = await lab.exec(HOST, ['ip', 'link', 'show', 'to-box']);
  if (exists.status === 0) return;
  const ip = (node: string, ...argv: string[]) => lab.mustExec(node, ['ip', ...argv]);
  await ip(
    HOST,
    'link',
    'add',
    'to-box',
    'netns',
    host,
    'type',
    'veth',
    'peer',
    'name',
    'eth1',
    'netns',
    box,
  );
  await ip(HOST, 'address', 'add', `${INSIDE.host}/24`, 'dev', 'to-box');
  await ip(HOST, 'link', 'set', 'to-box', 'up');
  await ip(BOX, 'link', 'set', 'eth0', 'down');
  await ip(BOX, 'address', 'add', `${INSIDE.box}/24`, 'dev', 'eth1');
  await ip(BOX, 'link', 'set', 'eth1', 'up');
  await ip(BOX, 'route', 'add', 'default', 'via', INSIDE.host);
  await lab.mustExec(HOST, ['sh', '-c', 'echo 1 >/proc/sys/net/ipv4/ip_forward']);
}

async function publish(lab: Lab): Promise<void> {
  const rules = PUBLISHED.map(
    ([port, to]) => `iifname "eth0" tcp dport ${port} dnat to ${INSIDE.box}:${to}\n`,
  );
  const table = `table ip boxes { chain in { type nat hook prerouting priority -100\n ${rules.join(' ')} }\n}\n`;
  await lab.mustExec(HOST, ['nft', '-f', '-'], { stdin: table });
}

const container: Kind = {
  name: 'container-ports',
  about: 'clients of published (DNATed) ports: open, stopped, and with connections that conntrack forgets',
  run: async (stage) => {
    const { lab } = stage;
    const { v4: to } = lab.node(HOST);
    await attachBox(stage);
    await publish(lab);
    const ports = PUBLISHED.map(([port]) => port);
    await talk(
      stage,
      'client',
      [...ports, ...ports].map((port) => ({ to, port, rounds: 1 })),
    );
    const held = await hold(
      stage,
      'client',
      numbers(0, 20).map((i) => ({ to, port: 8_080 + (i % 2), end: 'hold', rounds: 1 })),
    );
    await stage.forget();
    await held.kill('SIGUSR1');
    await lab.mustExec('client', ['ip', 'route', 'add', '192.0.2.0/24', 'via', to]);
    await talk(
      stage,
      'client',
      [80, 22, 81, 82, 83, 84].map((port) => ({ to: INSIDE.box, port, rounds: 1 })),
    );
    await lab.mustExec('client', ['ip', 'route', 'delete', '192.0.2.0/24']);
    await lab.mustExec(HOST, ['nft', 'delete', 'table', 'ip', 'boxes']);
  },
};

/** What address translation does to ordinary clients. */
export const NAT_KINDS: readonly Kind[] = [rebinding, carrier, container];
