import type { Running } from '../run.ts';
import { HOST, type Stage } from './kind.ts';

/** Small programs of the lab's machines. They are started often, so they are plain JavaScript without a loader. */

/** Answers on TCP ports and UDP ports; arguments: both as JSON lists, the address to bind, ms between pushed data. */
const SERVE = `
const [tcp, udp, host, pushMs] = process.argv.slice(1);
let waiting = 1;
const ready = () => { if (--waiting === 0) console.log('listening'); };
for (const port of JSON.parse(tcp)) {
  waiting++;
  require('node:net').createServer((socket) => {
    socket.on('error', () => {}).on('data', () => socket.write('HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok'));
    if (Number(pushMs) > 0) {
      const timer = setInterval(() => socket.write(Buffer.alloc(500)), Number(pushMs));
      socket.on('close', () => clearInterval(timer));
    }
  }).listen(port, host, ready);
}
for (const port of JSON.parse(udp)) {
  waiting++;
  const socket = require('node:dgram').createSocket(host.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (m, from) => socket.send(m, from.port, from.address)).bind(port, host, ready);
}
ready();`;

/**
 * Opens a connection for each of a list, talks a little, and ends it. Then it ends itself; where an end is "hold", it says
 * "held", waits for SIGUSR1, and sends data and FIN on what it holds.
 */
const TALK = `
const held = [];
const talk = ({ to, port, from, fromPort, end = 'fin', rounds = 2 }) => new Promise((done) => {
  const socket = require('node:net').connect({ host: to, port, localAddress: from, localPort: fromPort });
  let left = rounds;
  const ask = () => socket.write('GET / HTTP/1.1\\r\\nHost: lab\\r\\n\\r\\n');
  socket.setTimeout(3000, () => { socket.destroy(); done(); });
  socket.on('error', done).on('connect', ask).on('data', () => {
    if (--left > 0) return ask();
    if (left < 0) return;
    if (end === 'rst') socket.resetAndDestroy();
    else if (end === 'hold') { socket.setTimeout(0); held.push(socket); }
    else if (end === 'cut') { ask(); socket.resetAndDestroy(); }
    else socket.end();
    done();
  });
});
process.on('SIGUSR1', () => {
  for (const socket of held) { socket.write('GET / HTTP/1.1\\r\\nHost: lab\\r\\n\\r\\n'); socket.end(); }
  setTimeout(() => process.exit(0), 600);
});
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const run = async () => {
  const talks = JSON.parse(process.argv[1]);
  const together = talks.some(({ end }) => end === 'hold');
  if (together) await Promise.all(talks.map(talk)); else for (const one of talks) await talk(one);
  if (held.length === 0) { await pause(100); process.exit(0); }
  console.log('held');
  setInterval(() => {}, 1000);
};
run();`;

/** Sends datagrams, one after the other, from ports of its own, and closes at once or after an answer. */
const SEND = `
const send = ({ to, port, from, fromPort, times = 1, ttl, waitMs = 20 }) => new Promise((done) => {
  const socket = require('node:dgram').createSocket(to.includes(':') ? 'udp6' : 'udp4');
  const end = () => { try { socket.close(); } catch {} done(); };
  socket.on('error', end).bind(fromPort ?? 0, from, () => {
    if (!to.includes(':')) socket.setBroadcast(true);
    if (ttl) socket.setTTL(ttl);
    let left = times;
    const next = () => { if (left-- > 0) socket.send('?', port, to, () => setTimeout(next, waitMs)); else end(); };
    next();
  });
});
(async () => { for (const one of JSON.parse(process.argv[1])) await send(one); })();`;

/** A TCP conversation as one machine has it. */
export type Talk = {
  to: string;
  port: number;
  from?: string;
  fromPort?: number;
  /** `fin` closes in order, `rst` resets, `cut` resets with a request on the way, `hold` waits for a signal. */
  end?: 'fin' | 'rst' | 'cut' | 'hold';
  rounds?: number;
};

/** Datagrams of one socket. */
export type Datagrams = {
  to: string;
  port: number;
  from?: string;
  fromPort?: number;
  times?: number;
  ttl?: number;
  waitMs?: number;
};

/** What somebody serves. */
export type Services = {
  tcp?: readonly number[];
  udp?: readonly number[];
  /** Address to bind: `::` for both families, `0.0.0.0` for IPv4 alone. */
  bind?: string;
  node?: string;
  /** Pushes data without being asked, ms between two pieces. */
  pushMs?: number;
};

const READY_MS = 15_000;

let serial = 0;

const js = (source: string, ...args: string[]) => [process.execPath, '-e', source, ...args];

/** Starts services, on the watched host unless told. */
export async function serve({ lab }: Stage, services: Services): Promise<Running> {
  const { tcp = [], udp = [], bind = '::', node = HOST, pushMs = 0 } = services;
  const argv = js(SERVE, JSON.stringify(tcp), JSON.stringify(udp), bind, `${pushMs}`);
  const running = lab.spawn(node, `serve-${++serial}`, argv);
  await running.printed(/listening/, READY_MS);
  return running;
}

/** Has conversations from a node, and waits for their end. */
export async function talk({ lab }: Stage, node: string, talks: readonly Talk[]): Promise<void> {
  await lab.mustExec(node, js(TALK, JSON.stringify(talks)));
}

/** As `talk` with conversations that are held: `SIGUSR1` has data sent on all of them, and ends them. */
export async function hold({ lab }: Stage, node: string, talks: readonly Talk[]): Promise<Running> {
  const running = lab.spawn(node, `hold-${++serial}`, js(TALK, JSON.stringify(talks)));
  await running.printed(/held/, READY_MS);
  return running;
}

/** Sends datagrams from a node. */
export async function send({ lab }: Stage, node: string, datagrams: readonly Datagrams[]): Promise<void> {
  await lab.mustExec(node, js(SEND, JSON.stringify(datagrams)));
}

/** Numbers from `first`, so many. */
export const numbers = (first: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => first + i);
