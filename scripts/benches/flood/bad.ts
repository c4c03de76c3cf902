import { gzipSync } from 'node:zlib';
import { EVENT_MEDIA_TYPE } from '@picket/protocol';

/** Zeros that the bomb inflates to, bytes: ten times what a collector takes. */
const BOMB_BYTES = 10 * 1024 * 1024;

/** Kinds of bad requests, in equal parts. */
export const BAD_KINDS = ['no-body', 'garbage', 'unknown-host', 'wrong-signature', 'gzip-bomb'] as const;

/** Tokens that the kinds need: one of a host that never enrolled, and one of a host that did. */
export type Tokens = { unknown: string; known: string };

/** One request of each kind, as bytes on a connection (RFC 9112). */
export function badRequests(host: string, { unknown, known }: Tokens): Buffer[] {
  const push = (body: Buffer | string, more: readonly string[] = []) =>
    rawPost(host, Buffer.from(body), more);
  return [
    push(''),
    push('this.is.no-token'),
    push(unknown),
    push(withWrongSignature(known)),
    push(gzipSync(Buffer.alloc(BOMB_BYTES)), ['content-encoding: gzip']),
  ];
}

function rawPost(host: string, body: Buffer, more: readonly string[]): Buffer {
  const head = [
    'POST /v1/events HTTP/1.1',
    `host: ${host}`,
    `content-type: ${EVENT_MEDIA_TYPE}`,
    `content-length: ${body.length}`,
    ...more,
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]);
}

/** The token with a signature of the right length that somebody else could have made. */
export function withWrongSignature(token: string): string {
  const [header, payload, signature = ''] = token.split('.');
  const bytes = Buffer.from(signature, 'base64url').map((byte) => byte ^ 0x55);
  return [header, payload, Buffer.from(bytes).toString('base64url')].join('.');
}
