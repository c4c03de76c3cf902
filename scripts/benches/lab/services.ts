import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Listens on TCP ports, and after the word `udp` on UDP ports, and swallows what comes. */
const args = process.argv.slice(2);
const split = args.indexOf('udp');
for (const port of args.slice(0, split < 0 ? undefined : split)) {
  const server = createServer((socket) => socket.on('error', () => {}).resume());
  await once(server.listen({ host: '::', port: Number(port) }), 'listening');
}
for (const port of split < 0 ? [] : args.slice(split + 1)) {
  const socket = createSocket({ type: 'udp6' });
  socket.bind(Number(port), '::');
  await once(socket, 'listening');
}
console.log('listening');
