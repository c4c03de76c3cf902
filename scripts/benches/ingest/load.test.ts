import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { figuresOf } from './figures.ts';
import { type Prepared, sendAll } from './load.ts';

it('sends each request once, over kept connections from addresses of their own', async () => {
  const bodies: string[] = [];
  const peers = new Set<string>();
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    bodies.push(Buffer.concat(chunks).toString());
    peers.add(`${request.socket.remoteAddress}:${request.socket.remotePort}`);
    response.writeHead(bodies.length % 10 === 0 ? 503 : 202).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const requests = Array.from(
    { length: 50 },
    (_, i): Prepared => ({ path: '/', headers: {}, body: Buffer.from(`${i}`) }),
  );
  const addressOf = (i: number) => `127.0.1.${i + 1}`;
  const load = await sendAll(requests, { origin, connections: 4, lastsMs: 60_000, addressOf });
  server.close();
  expect(bodies.map(Number).toSorted((a, b) => a - b)).toEqual(requests.map((_, i) => i));
  expect([...peers].map((peer) => peer.split(':')[0]).sort()).toEqual([0, 1, 2, 3].map(addressOf));
  expect(figuresOf(load, 202)).toMatchObject({ accepted: 45, errors: 5 });
});

it('counts a server that is not there as an error, and ends', async () => {
  const requests = [{ path: '/', headers: {}, body: Buffer.from('x') }];
  const load = await sendAll(requests, { origin: 'http://127.0.0.1:1', connections: 1, lastsMs: 1_000 });
  expect(figuresOf(load, 202)).toEqual({ accepted: 0, errors: 1, p50: undefined, p99: undefined });
});
