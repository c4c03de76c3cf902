/** One captured packet. */
export interface CapturedPacket {
  /** Unix time in ms, with fractions. */
  readonly atMs: number;
  /** Link type of the capture (https://www.tcpdump.org/linktypes.html). */
  readonly linkType: number;
  readonly bytes: Uint8Array;
}

/** LINKTYPE_NFLOG of the tcpdump registry. */
export const LINKTYPE_NFLOG = 239;

const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;

/** Longest record taken: a capture that claims more is damaged. tcpdump's own limit is 262144. */
const MAX_RECORD_BYTES = 262_144;

/** Byte order and time resolution by magic number (pcap-savefile(5)), read as little-endian. */
const MAGIC = new Map([
  [0xa1b2c3d4, { littleEndian: true, perSecond: 1e6 }],
  [0xd4c3b2a1, { littleEndian: false, perSecond: 1e6 }],
  [0xa1b23c4d, { littleEndian: true, perSecond: 1e9 }],
  [0x4d3cb2a1, { littleEndian: false, perSecond: 1e9 }],
]);

/** What a decoder says to a chunk: the packets that became whole, or why the stream cannot be read on. */
export type PcapStep = { ok: true; packets: CapturedPacket[] } | { ok: false; reason: string };

/**
 * A decoder of a pcap stream that comes in chunks of any size. It holds at most one record; after a failure it stays
 * failed, since nothing marks where the next record begins.
 */
export function pcapDecoder(): (chunk: Uint8Array) => PcapStep {
  let rest = new Uint8Array(0);
  let header: { littleEndian: boolean; perSecond: number; linkType: number } | undefined;
  let failure: { ok: false; reason: string } | undefined;

  const fail = (reason: string): PcapStep => {
    rest = new Uint8Array(0);
    failure = { ok: false, reason };
    return failure;
  };

  return (chunk) => {
    if (failure !== undefined) return failure;
    rest = rest.length === 0 ? chunk.slice() : concat(rest, chunk);
    const packets: CapturedPacket[] = [];
    let view = new DataView(rest.buffer, rest.byteOffset, rest.length);
    let offset = 0;
    if (header === undefined) {
      if (rest.length < FILE_HEADER_BYTES) return { ok: true, packets };
      const format = MAGIC.get(view.getUint32(0, true));
      if (format === undefined) return fail('no pcap stream: unknown magic number');
      header = { ...format, linkType: view.getUint32(20, format.littleEndian) & 0xffff };
      offset = FILE_HEADER_BYTES;
    }
    const { littleEndian, perSecond, linkType } = header;
    while (rest.length - offset >= RECORD_HEADER_BYTES) {
      const length = view.getUint32(offset + 8, littleEndian);
      if (length > MAX_RECORD_BYTES) return fail(`damaged pcap stream: a record of ${length} bytes`);
      const end = offset + RECORD_HEADER_BYTES + length;
      if (end > rest.length) break;
      const seconds = view.getUint32(offset, littleEndian);
      const fraction = view.getUint32(offset + 4, littleEndian) / perSecond;
      const bytes = rest.slice(offset + RECORD_HEADER_BYTES, end);
      packets.push({ atMs: (seconds + fraction) * 1000, linkType, bytes });
      offset = end;
    }
    rest = rest.slice(offset);
    view = new DataView(rest.buffer);
    return { ok: true, packets };
  };
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
