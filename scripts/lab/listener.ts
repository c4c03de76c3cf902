import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server } from 'node:net';

/** What a host of the lab really serves: HTTP on port 80 and a banner like SSH's on port 22 (RFC 4253 section 4.2). */
const [name = 'host'] = process.argv.slice(2);

const web = createHttpServer((_request, response) => response.end(`this is ${name}\n`));

const ssh = createServer((socket) => {
  // A scanner that resets its connection is no error of the listener.
  socket.on('error', () => {});
  socket.write('SSH-2.0-OpenSSH_9.2 (lab)\r\n');
  socket.resume();
});

/** `::` takes IPv4 too (ipv6(7), IPV6_V6ONLY off). */
const listen = async (server: Server, port: number) => {
  server.listen({ host: '::', port });
  await once(server, 'listening');
};

await Promise.all([listen(web, 80), listen(ssh, 22)]);
console.log('listening');
