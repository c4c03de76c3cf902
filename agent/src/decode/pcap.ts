import { LINKTYPE } from './link.ts';
import { type CaptureDecoder, MAX_PACKET_BYTES, type RecordFormat, recordStream } from './record-stream.ts';

export type { CapturedPacket } from './record-stream.ts';

/** LINKTYPE_NFLOG of the tcpdump registry. */
export const LINKTYPE_NFLOG = LINKTYPE.nflog;

const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;

/** Byte order and time resolution by magic number (pcap-savefile(5)), read as little-endian. */
export const PCAP_MAGIC: ReadonlyMap<number, { littleEndian: boolean; perSecond: number }> = new Map([
  [0xa1b2c3d4, { littleEndian: true, perSecond: 1e6 }],
  [0xd4c3b2a1, { littleEndian: false, perSecond: 1e6 }],
  [0xa1b23c4d, { littleEndian: true, perSecond: 1e9 }],
  [0x4d3cb2a1, { littleEndian: false, perSecond: 1e9 }],
]);

/** A decoder of the format that tcpdump writes. */
export function pcapDecoder(): CaptureDecoder {
  return recordStream(pcapFormat());
}

function pcapFormat(): RecordFormat {
  let header: { littleEndian: boolean; perSecond: number; linkType: number } | undefined;
  return {
    headBytes: () => (header === undefined ? FILE_HEADER_BYTES : RECORD_HEADER_BYTES),
    lengthAt(view, at) {
      if (header === undefined) return FILE_HEADER_BYTES;
      const length = view.getUint32(at + 8, header.littleEndian);
      if (length > MAX_PACKET_BYTES) return `damaged pcap stream: a record of ${length} bytes`;
      return RECORD_HEADER_BYTES + length;
    },
    take(record, view, at, packets) {
      if (header === undefined) {
        const format = PCAP_MAGIC.get(view.getUint32(at, true));
        if (format === undefined) return 'no pcap stream: unknown magic number';
        // The upper half tells of frame check sequences, which no supported system captures.
        header = { ...format, linkType: view.getUint32(at + 20, format.littleEndian) & 0xffff };
        return undefined;
      }
      const { littleEndian, perSecond, linkType } = header;
      const fraction = view.getUint32(at + 4, littleEndian) / perSecond;
      packets.push({
        atMs: (view.getUint32(at, littleEndian) + fraction) * 1000,
        linkType,
        bytes: record.subarray(RECORD_HEADER_BYTES),
        wireBytes: view.getUint32(at + 12, littleEndian),
      });
      return undefined;
    },
  };
}
