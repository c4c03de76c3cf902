import { crc32 } from 'node:zlib';

/** One sealed batch as the spool keeps it. */
export interface Batch {
  /** Name of the batch, a UUIDv7. */
  readonly jti: string;
  /** Compact JWS, as it will be pushed. */
  readonly jws: string;
  readonly hasTrip: boolean;
  /**
   * Of a batch sealed in this run while the collector's time was in doubt: `originMs` of the clock then. Not kept on
   * disk, for the monotonic clock ends with the run.
   */
  readonly originMs?: number;
}

/** What a segment file is a row of. */
export type SpoolRecord =
  | { readonly kind: 'batch'; readonly batch: Batch }
  | { readonly kind: 'ack'; readonly jti: string };

/** A record and where it lies in its segment, bytes. */
export interface Found {
  readonly record: SpoolRecord;
  readonly offset: number;
  readonly length: number;
}

/** What a segment holds; `goodBytes` ends its last whole record, and what comes after was torn off by a crash. */
export interface Segment {
  readonly found: readonly Found[];
  readonly goodBytes: number;
  /** Places in the middle that were passed over: bit rot, or a write that failed half-way. */
  readonly damaged: number;
}

/**
 * Layout, numbers big endian: marker (4), length of the body (4), CRC-32 of the body (4), body. The body is a kind
 * (1), then for a batch flags (1), jti (16) and the JWS, for an acknowledgement the jti. The marker's last byte is the
 * version of the layout; its first is no byte of a JWS, so that a search after damage finds true beginnings.
 */
const MARKER = Buffer.from([0xf5, 0x50, 0x4b, 0x01]);
const HEAD_BYTES = 12;
const KIND_BATCH = 1;
const KIND_ACK = 2;
const FLAG_TRIP = 1;
const JWS_AT = 18;

/** Longest body that is believed, bytes: twice the largest batch a collector takes. */
const MAX_BODY_BYTES = 2 * 1024 * 1024;

/** Bytes of a record as they are appended. */
export function encodeRecord(record: SpoolRecord): Buffer {
  const body =
    record.kind === 'ack'
      ? Buffer.concat([Buffer.from([KIND_ACK]), jtiBytes(record.jti)])
      : Buffer.concat([
          Buffer.from([KIND_BATCH, record.batch.hasTrip ? FLAG_TRIP : 0]),
          jtiBytes(record.batch.jti),
          Buffer.from(record.batch.jws, 'latin1'),
        ]);
  const head = Buffer.alloc(HEAD_BYTES);
  MARKER.copy(head);
  head.writeUInt32BE(body.length, 4);
  head.writeUInt32BE(crc32(body), 8);
  return Buffer.concat([head, body]);
}

/** The record that begins at the offset, or undefined when none does. */
export function decodeRecord(bytes: Buffer, offset = 0): Found | undefined {
  if (offset + HEAD_BYTES > bytes.length || MARKER.compare(bytes, offset, offset + 4) !== 0) return undefined;
  const bodyLength = bytes.readUInt32BE(offset + 4);
  const end = offset + HEAD_BYTES + bodyLength;
  if (bodyLength > MAX_BODY_BYTES || end > bytes.length) return undefined;
  const body = bytes.subarray(offset + HEAD_BYTES, end);
  if (crc32(body) !== bytes.readUInt32BE(offset + 8)) return undefined;
  const record = recordOf(body);
  return record && { record, offset, length: end - offset };
}

/** Reads a whole segment. Damage costs the records it touches and no others. */
export function decodeSegment(bytes: Buffer): Segment {
  const found: Found[] = [];
  let [goodBytes, damaged] = [0, 0];
  for (;;) {
    const next = decodeRecord(bytes, goodBytes) ?? search(bytes, goodBytes);
    if (next === undefined) return { found, goodBytes, damaged };
    if (next.offset > goodBytes) damaged += 1;
    found.push(next);
    goodBytes = next.offset + next.length;
  }
}

/** The next whole record behind damage. */
function search(bytes: Buffer, from: number): Found | undefined {
  for (let at = bytes.indexOf(MARKER, from); at !== -1; at = bytes.indexOf(MARKER, at + 1)) {
    const found = decodeRecord(bytes, at);
    if (found !== undefined) return found;
  }
  return undefined;
}

function recordOf(body: Buffer): SpoolRecord | undefined {
  if (body[0] === KIND_ACK && body.length === 17) return { kind: 'ack', jti: jtiText(body, 1) };
  if (body[0] !== KIND_BATCH || body.length < JWS_AT) return undefined;
  const hasTrip = ((body[1] ?? 0) & FLAG_TRIP) !== 0;
  return {
    kind: 'batch',
    batch: { jti: jtiText(body, 2), jws: body.toString('latin1', JWS_AT), hasTrip },
  };
}

function jtiBytes(jti: string): Buffer {
  const bytes = Buffer.from(jti.replaceAll('-', ''), 'hex');
  if (bytes.length !== 16) throw new TypeError(`"${jti}" is no UUID`);
  return bytes;
}

function jtiText(body: Buffer, at: number): string {
  const hex = body.toString('hex', at, at + 16);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
