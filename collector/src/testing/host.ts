import {
  type BatchEvents,
  BLOCK_LIST_TYP,
  type BlockListClaims,
  blockListClaimsSchema,
  collectorUrn,
  ENROLMENT_TYP,
  EVENT,
  EVENT_TYP,
  enrolledClaimsSchema,
  hostUrn,
  REQUEST_TYP,
  type Sighting,
} from '@picket/protocol';
import type { Hono } from 'hono';
import {
  CompactSign,
  type CryptoKey,
  calculateJwkThumbprint,
  decodeJwt,
  exportJWK,
  generateKeyPair,
} from 'jose';
import { v7 as uuid7 } from 'uuid';
import type { PublicJwk } from '../verify/jws.ts';

/** Members of a token that a test changes. */
export interface Changes {
  readonly header?: Record<string, unknown>;
  readonly claims?: Record<string, unknown>;
}

/** What a host has. */
interface HostParts {
  readonly app: Hono;
  readonly collectorId: string;
  readonly networkId: string;
  readonly name: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: PublicJwk;
  readonly thumbprint: string;
}

/** A host that speaks the wire by hand, so that a test can also say what no agent would. */
export class TestHost {
  readonly parts: HostParts;
  id = '';

  constructor(parts: HostParts) {
    this.parts = parts;
  }

  static async make(app: Hono, collectorId: string, networkId: string, name = 'web-1'): Promise<TestHost> {
    const { privateKey, publicKey } = await generateKeyPair('Ed25519', { extractable: true });
    const publicJwk = (await exportJWK(publicKey)) as unknown as PublicJwk;
    const thumbprint = await calculateJwkThumbprint({ ...publicJwk });
    return new TestHost({ app, collectorId, networkId, name, privateKey, publicJwk, thumbprint });
  }

  /** The same host at another replica. */
  at(app: Hono): TestHost {
    const host = new TestHost({ ...this.parts, app });
    host.id = this.id;
    return host;
  }

  async sign(header: Record<string, unknown>, claims: Record<string, unknown>): Promise<string> {
    return new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
      .setProtectedHeader({ alg: 'Ed25519', ...header })
      .sign(this.parts.privateKey);
  }

  enrolmentToken(token: string, { header, claims }: Changes = {}): Promise<string> {
    const iat = Math.floor(Date.now() / 1000);
    return this.sign(
      { typ: ENROLMENT_TYP, jwk: this.parts.publicJwk, ...header },
      {
        ...{ aud: collectorUrn(this.parts.collectorId), iat, jti: uuid7(), net: this.parts.networkId, token },
        ...{ hostName: this.parts.name, os: 'linux', arch: 'x64', agentVersion: '0.1.0', wireVersion: 1 },
        ...claims,
      },
    );
  }

  async enrol(token: string, changes: Changes = {}): Promise<Response> {
    const reply = await this.post('/v1/enrolments', await this.enrolmentToken(token, changes), {
      'content-type': 'application/jwt',
    });
    if (reply.status === 201)
      this.id = enrolledClaimsSchema.parse(decodeJwt(await reply.clone().text())).hostId;
    return reply;
  }

  eventToken(
    events: BatchEvents | Record<string, unknown>,
    { header, claims }: Changes = {},
  ): Promise<string> {
    return this.sign(
      { typ: EVENT_TYP, kid: this.parts.thumbprint, ...header },
      {
        ...{ iss: hostUrn(this.id), aud: collectorUrn(this.parts.collectorId), net: this.parts.networkId },
        ...{ iat: Math.floor(Date.now() / 1000), jti: uuid7(), events },
        ...claims,
      },
    );
  }

  async push(events: BatchEvents | Record<string, unknown>, changes: Changes = {}): Promise<Response> {
    return this.pushToken(await this.eventToken(events, changes));
  }

  pushToken(token: string | Uint8Array, headers: Record<string, string> = {}): Promise<Response> {
    return this.post('/v1/events', token, { 'content-type': 'application/secevent+jwt', ...headers });
  }

  pushSightings(...sightings: Sighting[]): Promise<Response> {
    return this.push({ [EVENT.sightings]: { sightings } });
  }

  requestToken({ header, claims }: Changes = {}): Promise<string> {
    return this.sign(
      { typ: REQUEST_TYP, kid: this.parts.thumbprint, ...header },
      {
        ...{
          iss: hostUrn(this.id),
          aud: collectorUrn(this.parts.collectorId),
          net: this.parts.networkId,
          htm: 'GET',
        },
        ...{ htu: 'http://collector.test/v1/blocklist', iat: Math.floor(Date.now() / 1000), jti: uuid7() },
        ...claims,
      },
    );
  }

  async getList(query: Record<string, string | number> = {}, options: ListOptions = {}): Promise<Response> {
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) search.set(name, String(value));
    const headers = {
      authorization: `Bearer ${options.token ?? (await this.requestToken())}`,
      ...(options.waitSeconds === undefined ? {} : { prefer: `wait=${options.waitSeconds}` }),
    };
    const init = { headers, ...(options.signal === undefined ? {} : { signal: options.signal }) };
    return this.parts.app.request(`http://collector.test/v1/blocklist?${search}`, init);
  }

  async readList(
    query: Record<string, string | number> = {},
    options: ListOptions = {},
  ): Promise<BlockListClaims> {
    const reply = await this.getList(query, options);
    if (reply.status !== 200) throw new Error(`no list: ${reply.status} ${await reply.text()}`);
    return readListClaims(await reply.text());
  }

  async post(path: string, body: string | Uint8Array, headers: Record<string, string>): Promise<Response> {
    const bytes = typeof body === 'string' ? body : new Uint8Array(body);
    return this.parts.app.request(`http://collector.test${path}`, { method: 'POST', headers, body: bytes });
  }
}

/** What asks for a list beside its query. */
export interface ListOptions {
  readonly token?: string;
  readonly waitSeconds?: number;
  readonly signal?: AbortSignal;
}

/** Claims of a list; the signature is another test's. */
export function readListClaims(jws: string): BlockListClaims {
  const header = JSON.parse(Buffer.from(jws.split('.')[0] ?? '', 'base64url').toString()) as { typ: string };
  if (header.typ !== BLOCK_LIST_TYP) throw new Error(`typ is ${header.typ}`);
  return blockListClaimsSchema.parse(decodeJwt(jws));
}
