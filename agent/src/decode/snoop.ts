import { LINKTYPE } from './link.ts';
import { type CaptureDecoder, MAX_PACKET_BYTES, type RecordFormat, recordStream } from './record-stream.ts';

/** First four of the eight bytes `snoop`, zero, zero, zero (RFC 1761), read as little-endian. */
export const SNOOP_MAGIC = 0x6f6f_6e73;

/** The rest of them: `p` and zeros. */
const MAGIC_REST = 0x0000_0070;

const VERSION = 2;

const FILE_HEADER_BYTES = 16;
const RECORD_HEADER_BYTES = 24;

/** Most bytes behind a packet that pad its record; of known writers none adds more than 16. */
const MAX_PAD_BYTES = 256;

/**
 * Link types by the DLPI media types that Solaris' snoop writes: those of RFC 1761 up to 9, the rest from its
 * sys/dlpi.h. Mapped as the BPF of illumos maps them.
 */
const LINK_TYPES: ReadonlyMap<number, number> = new Map([
  [0, LINKTYPE.ethernet],
  [4, LINKTYPE.ethernet],
  [9, LINKTYPE.null],
  [0x0e, LINKTYPE.null],
  [0x8000_0001, LINKTYPE.ipv4],
  [0x8000_0002, LINKTYPE.ipv6],
  [0x8000_0003, LINKTYPE.null],
  [0x8000_0005, LINKTYPE.ipnet],
]);

/** Names of media types that are not read (RFC 1761, IANA's snoop data-link types). */
const UNREAD: ReadonlyMap<number, string> = new Map([
  [1, '802.4 token bus'],
  [2, '802.5 token ring'],
  [3, '802.6 metro net'],
  [5, 'HDLC'],
  [6, 'character synchronous'],
  [7, 'IBM channel-to-channel'],
  [8, 'FDDI'],
  [0x10, 'Fibre Channel'],
  [0x12, 'ATM Classical IP'],
  [0x1a, 'InfiniBand'],
  [0x8000_0004, '802.11'],
]);

/** A decoder of what Solaris' `snoop -o -` writes (RFC 1761): network order throughout, microseconds. */
export function snoopDecoder(): CaptureDecoder {
  return recordStream(snoopFormat());
}

function snoopFormat(): RecordFormat {
  let linkType: number | undefined;
  return {
    headBytes: () => (linkType === undefined ? FILE_HEADER_BYTES : RECORD_HEADER_BYTES),
    lengthAt: (view, at) => (linkType === undefined ? FILE_HEADER_BYTES : recordBytes(view, at)),
    take(record, view, at, packets) {
      if (linkType === undefined) {
        const found = linkTypeOf(view);
        if (typeof found === 'string') return found;
        linkType = found;
        return undefined;
      }
      packets.push({
        atMs: view.getUint32(at + 16) * 1000 + view.getUint32(at + 20) / 1000,
        linkType,
        bytes: record.subarray(RECORD_HEADER_BYTES, RECORD_HEADER_BYTES + view.getUint32(at + 4)),
        wireBytes: view.getUint32(at),
        lost: view.getUint32(at + 12),
      });
      return undefined;
    },
  };
}

function recordBytes(view: DataView, at: number): number | string {
  const [kept, length] = [view.getUint32(at + 4), view.getUint32(at + 8)];
  const least = RECORD_HEADER_BYTES + kept;
  if (kept <= MAX_PACKET_BYTES && length >= least && length <= least + MAX_PAD_BYTES) return length;
  return `damaged snoop stream: a record of ${length} bytes with a packet of ${kept}`;
}

function linkTypeOf(view: DataView): number | string {
  if (view.getUint32(0, true) !== SNOOP_MAGIC || view.getUint32(4, true) !== MAGIC_REST) {
    return 'no snoop stream: unknown magic number';
  }
  const [version, media] = [view.getUint32(8), view.getUint32(12)];
  if (version !== VERSION) return `snoop version ${version} is not read; known is ${VERSION}`;
  const name = UNREAD.get(media);
  return (
    LINK_TYPES.get(media) ??
    `snoop data-link type ${media}${name === undefined ? '' : `, ${name},`} is not read; known are Ethernet, loopback, IP tunnels and ipnet`
  );
}
