import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { z } from 'zod';
import { StatusCounter } from './statuses.ts';

/**
 * Sends prepared requests at a rate from one address, whether they are answered or not, and prints what became of them.
 *   node --import tsx attack.ts ORDER.json
 */
const orderSchema = z.object({
  port: z.int(),
  from: z.string(),
  connections: z.int(),
  perSecond: z.int(),
  lastsMs: z.int(),
  /** Whole requests, base64; sent in turn. */
  requests: z.array(z.string()).min(1),
});

/** Time between two looks at how many are due, ms. */
const TICK_MS = 2;

/** What may wait to be sent on one connection, bytes: a sender that is held up does not fill its own memory. */
const MOST_WAITING_BYTES = 128 * 1024;

const order = orderSchema.parse(JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')));
const requests = order.requests.map((text) => Buffer.from(text, 'base64'));
const statuses = new Map<number, number>();
const sockets: Socket[] = [];
const counts = { sent: 0, heldUp: 0, closed: 0 };
let isOver = false;

function open(index: number): void {
  const socket = connect({ port: order.port, host: '127.0.0.1', localAddress: order.from, noDelay: true });
  const counter = new StatusCounter(statuses);
  socket.setEncoding('latin1').on('data', (text: string) => counter.add(text));
  socket.on('error', () => {});
  socket.on('close', () => {
    if (isOver) return;
    counts.closed += 1;
    // An attacker comes again at once; a server that refuses is asked ten times a second.
    setTimeout(() => !isOver && open(index), 100);
  });
  sockets[index] = socket;
}

/** Sends what is due, several requests in one write: that is what makes one address fast. */
function send(due: number, turn: number): void {
  const socket = sockets[turn % sockets.length];
  if (socket === undefined || socket.readyState !== 'open' || socket.writableLength > MOST_WAITING_BYTES) {
    counts.heldUp += due;
    return;
  }
  const batch = Array.from(
    { length: due },
    (_, i) => requests[(counts.sent + i) % requests.length] as Buffer,
  );
  socket.write(Buffer.concat(batch));
  counts.sent += due;
}

for (let i = 0; i < order.connections; i++) open(i);
const startMs = performance.now();
let [done, turn] = [0, 0];
const timer = setInterval(() => {
  const tookMs = performance.now() - startMs;
  const due = Math.floor((Math.min(tookMs, order.lastsMs) / 1_000) * order.perSecond) - done;
  done += due;
  if (due > 0) send(due, turn++);
  if (tookMs < order.lastsMs) return;
  clearInterval(timer);
  isOver = true;
  console.log(JSON.stringify({ ...counts, tookMs, statuses: Object.fromEntries(statuses) }));
  for (const socket of sockets) socket.destroy();
}, TICK_MS);
