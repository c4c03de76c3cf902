import { once } from 'node:events';
import { connect } from 'node:net';

/** Sends bytes to an address and port for some seconds, as fast as they are taken. */
const [host = '', port = '', seconds = ''] = process.argv.slice(2);
const chunk = Buffer.alloc(65_536);
const socket = connect({ host, port: Number(port) });
await once(socket, 'connect');
const endMs = performance.now() + Number(seconds) * 1_000;
while (performance.now() < endMs) if (!socket.write(chunk)) await once(socket, 'drain');
socket.destroy();
