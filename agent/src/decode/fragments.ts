import { type Fragment, type IpHeader, walkExtensions } from './ip.ts';
import type { SegmentRange } from './segment.ts';

/**
 * Bytes put together of each datagram's payload: a whole TCP header with its options, at most 60. Detection reads no
 * further.
 */
export const HEAD_BYTES = 64;

/** Most datagrams held while their heads are incomplete, about half a MiB. The oldest goes first. */
export const MAX_DATAGRAMS = 1_024;

/** Longest time a datagram is held, ms: Linux waits 30 s for fragments (net.ipv4.ipfrag_time). */
export const HOLD_MS = 30_000;

/** Longest payload of a datagram that ends where IPv4 can count to. */
const MAX_DATAGRAM_BYTES = 65_535;

/** The head of a datagram's payload. */
export interface Head extends SegmentRange {
  readonly bytes: Uint8Array;
  /** Whether the datagram ends with it, so that its checksum can be verified. */
  readonly isWhole: boolean;
}

/** Puts together the heads of fragmented datagrams. */
export interface Reassembler {
  /**
   * Takes one fragment.
   *
   * @param bytes what `ip` was read from
   * @returns the head once all of it is there, in whatever order it came; undefined until then
   */
  add(atMs: number, bytes: Uint8Array, ip: IpHeader, fragment: Fragment): Head | undefined;
  /** Datagrams given up, for want of room or of time. */
  readonly forgotten: number;
}

interface Datagram {
  readonly startedAtMs: number;
  readonly head: Uint8Array;
  /** 1 for each byte of `head` that came. */
  readonly came: Uint8Array;
  /** Of the first fragment: only that one's counts (RFC 8200 section 4.5). */
  protocol: number | undefined;
  /** Size of the whole payload, once its last fragment came. */
  size: number | undefined;
}

/**
 * A reassembler for what nmap -f and -ff do: fragments of 8 and 16 bytes, so that the first lacks the flags of TCP. A
 * fragment past the head gives nothing and is not held. A head that is longer than {@link HEAD_BYTES}, or that came whole
 * in the first fragment, is given without waiting for the rest.
 */
export function reassembler(): Reassembler {
  const datagrams = new Map<string, Datagram>();
  let forgotten = 0;

  const forgetOld = (atMs: number, most: number): void => {
    for (const [key, { startedAtMs }] of datagrams) {
      if (datagrams.size <= most && Math.abs(atMs - startedAtMs) <= HOLD_MS) return;
      datagrams.delete(key);
      forgotten++;
    }
  };

  return {
    get forgotten() {
      return forgotten;
    },
    add(atMs, bytes, ip, fragment) {
      const length = ip.total - ip.start;
      if (!isSound(fragment, length) || fragment.offset >= HEAD_BYTES) return undefined;
      if (fragment.offset === 0 && ip.end - ip.start >= HEAD_BYTES) {
        return headOf(bytes, ip.version, ip.protocol, ip.start, ip.end, false);
      }
      const key = keyOf(bytes, ip, fragment.id);
      // Before the look-up: an identification that comes again later is another datagram's.
      forgetOld(atMs, MAX_DATAGRAMS);
      const datagram = datagrams.get(key) ?? begin(atMs);
      put(datagram, bytes, ip, fragment);
      const ready = readyBytes(datagram);
      if (ready === undefined || datagram.protocol === undefined) {
        if (!datagrams.has(key)) forgetOld(atMs, MAX_DATAGRAMS - 1);
        datagrams.set(key, datagram);
        return undefined;
      }
      datagrams.delete(key);
      const isWhole = datagram.size !== undefined && datagram.size <= HEAD_BYTES;
      return headOf(datagram.head, ip.version, datagram.protocol, 0, ready, isWhole);
    },
  };
}

/** What every stack discards: an empty fragment, one not of whole 8 bytes before the last, and one past the end. */
function isSound({ offset, isLast }: Fragment, length: number): boolean {
  return length > 0 && (isLast || length % 8 === 0) && offset + length <= MAX_DATAGRAM_BYTES;
}

/** Source, destination, identification, and with IPv4 the protocol (RFC 791 section 3.2, RFC 8200 section 4.5). */
function keyOf(bytes: Uint8Array, { version, addresses, protocol }: IpHeader, id: number): string {
  const pair = bytes.subarray(addresses, addresses + (version === 4 ? 8 : 32)).join();
  return `${id} ${version === 4 ? protocol : ''} ${pair}`;
}

function begin(startedAtMs: number): Datagram {
  const [head, came] = [new Uint8Array(HEAD_BYTES), new Uint8Array(HEAD_BYTES)];
  return { startedAtMs, head, came, protocol: undefined, size: undefined };
}

/**
 * Where fragments overlap, the first copy stays. Stacks differ there (Linux drops the whole datagram, RFC 5722), so no
 * choice is right for all; this one lets nobody rewrite flags that were read already, and costs no time.
 */
function put(datagram: Datagram, bytes: Uint8Array, ip: IpHeader, { offset, isLast }: Fragment): void {
  const end = Math.min(HEAD_BYTES, offset + ip.end - ip.start);
  for (let at = offset; at < end; at++) {
    if (datagram.came[at] === 1) continue;
    datagram.came[at] = 1;
    datagram.head[at] = bytes[ip.start + at - offset] ?? 0;
  }
  if (offset === 0) datagram.protocol ??= ip.protocol;
  if (isLast) datagram.size ??= offset + ip.total - ip.start;
}

/** Bytes of a head that is all there; undefined while some are missing. */
function readyBytes({ came, size = HEAD_BYTES }: Datagram): number | undefined {
  const wanted = Math.min(HEAD_BYTES, size);
  const missing = came.indexOf(0);
  return missing < 0 || missing >= wanted ? wanted : undefined;
}

/** With IPv6, extension headers may stand behind the fragment header. */
function headOf(
  bytes: Uint8Array,
  version: 4 | 6,
  first: number,
  from: number,
  end: number,
  isWhole: boolean,
): Head | undefined {
  if (version === 4) return { bytes, version, protocol: first, start: from, end, isWhole };
  const chain = walkExtensions(bytes, first, from, end);
  if (chain === undefined || chain.fragment !== undefined) return undefined;
  return { bytes, version, protocol: chain.protocol, start: chain.start, end, isWhole };
}
