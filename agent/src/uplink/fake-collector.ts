import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import {
  BLOCK_LIST_TYP,
  type BlockEntry,
  type BlockListClaims,
  collectorUrn,
  ENROLLED_TYP,
  formatJoinKey,
  listDigest,
  networkUrn,
} from '@picket/protocol';
import { CompactSign, calculateJwkThumbprint, decodeJwt, exportJWK, generateKeyPair, type JWK } from 'jose';
import { v7 as uuid7 } from 'uuid';

/** A request as the fake saw it, its body inflated. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly claims: Record<string, unknown>;
}

/** What the fake answers; a function may do what it likes with the socket (hang, cut) and return undefined. */
export type Answer =
  | { status: number; headers?: Record<string, string>; body?: string }
  | ((request: IncomingMessage, response: ServerResponse) => void);

type Handler = (seen: Seen) => Answer | Promise<Answer>;

/** A server over real HTTP that speaks the collector's side of the wire, and misbehaves where a test says so. */
export class FakeCollector {
  readonly collectorId = uuid7();
  readonly networkId = uuid7();
  readonly hostId = uuid7();
  readonly token = 'T'.repeat(43);
  readonly seen: Seen[] = [];
  readonly handlers = new Map<string, Handler>();
  url = '';
  thumbprint = '';
  jwk: JWK = {};
  #privateKey: Awaited<ReturnType<typeof generateKeyPair>>['privateKey'] | undefined;
  #server: Server | undefined;
  #port = 0;

  static async start(): Promise<FakeCollector> {
    const fake = new FakeCollector();
    const pair = await generateKeyPair('Ed25519', { extractable: true });
    fake.#privateKey = pair.privateKey;
    fake.jwk = await exportJWK(pair.publicKey);
    fake.thumbprint = await calculateJwkThumbprint(fake.jwk);
    fake.on('GET /.well-known/jwks.json', () => ({
      status: 200,
      body: JSON.stringify({ keys: [fake.jwk] }),
    }));
    fake.on('GET /readyz', () => ({ status: 200, body: 'ready\n' }));
    fake.on('POST /v1/enrolments', (seen) => fake.enrolled(seen));
    fake.on('POST /v1/events', () => ({ status: 202 }));
    await fake.listen();
    return fake;
  }

  on(route: string, handler: Handler): void {
    this.handlers.set(route, handler);
  }

  /** Listens, after a stop on the same port again. */
  async listen(): Promise<void> {
    this.#server = createServer((request, response) => void this.#handle(request, response));
    await new Promise<void>((resolve, reject) => {
      this.#server?.once('error', reject).listen(this.#port, '127.0.0.1', resolve);
    });
    this.#port = (this.#server.address() as AddressInfo).port;
    this.url = `http://127.0.0.1:${this.#port}`;
  }

  /** Cuts what is under way, as a proxy that restarts does: requests that wait are sent again. */
  closeConnections(): void {
    this.#server?.closeAllConnections();
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  get joinKey(): string {
    const { url, collectorId, thumbprint, networkId, token } = this;
    return formatJoinKey({ url, collectorId, thumbprint, networkId, token });
  }

  /** Requests seen on a path. */
  seenOn(path: string): Seen[] {
    return this.seen.filter((seen) => seen.path === path);
  }

  async sign(typ: string, claims: object): Promise<string> {
    if (this.#privateKey === undefined) throw new Error('the fake has no key yet');
    return new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
      .setProtectedHeader({ alg: 'Ed25519', typ, kid: this.thumbprint })
      .sign(this.#privateKey);
  }

  async enrolled(seen: Seen, changes: object = {}): Promise<Answer> {
    const header = JSON.parse(Buffer.from(seen.body.split('.')[0] ?? '', 'base64url').toString());
    const claims = {
      iss: collectorUrn(this.collectorId),
      aud: await calculateJwkThumbprint(header.jwk),
      iat: Math.floor(Date.now() / 1000),
      net: this.networkId,
      networkName: 'lab',
      hostId: this.hostId,
      statusSeconds: 60,
      ...changes,
    };
    return { status: 201, body: await this.sign(ENROLLED_TYP, claims) };
  }

  /** A signed block list: the whole list of the entries unless `changes` say otherwise. */
  async list(entries: readonly BlockEntry[], changes: Partial<BlockListClaims> = {}): Promise<string> {
    const nowSeconds = Math.floor(Date.now() / 1000);
    return this.sign(BLOCK_LIST_TYP, {
      iss: collectorUrn(this.collectorId),
      aud: networkUrn(this.networkId),
      iat: nowSeconds,
      exp: nowSeconds + 300,
      epoch: 'one',
      since: 0,
      version: 1,
      full: true,
      add: entries,
      remove: [],
      allow: [],
      digest: listDigest(entries),
      ...changes,
    });
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const url = new URL(request.url ?? '/', this.url);
    const raw = Buffer.concat(chunks);
    const body = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw).toString('utf8');
    const method = request.method ?? '';
    const seen: Seen = {
      ...{ method, path: url.pathname, query: url.searchParams, headers: request.headers, body },
      claims: body.split('.').length === 3 ? decodeJwt(body) : {},
    };
    this.seen.push(seen);
    const answer = (await this.handlers.get(`${method} ${url.pathname}`)?.(seen)) ?? { status: 404 };
    if (typeof answer === 'function') answer(request, response);
    else response.writeHead(answer.status, answer.headers).end(answer.body);
  }
}
