import { type CaptureInterface, decodeInterface, directionOf } from './pcapng-interface.ts';
import {
  type CaptureDecoder,
  type CapturedPacket,
  MAX_PACKET_BYTES,
  type RecordFormat,
  recordStream,
} from './record-stream.ts';

/** Type of a section header block: a palindrome, so that it reads the same in both byte orders. */
export const PCAPNG_MAGIC = 0x0a0d_0d0a;

/** Byte-order magic of a section header, at offset 8. */
const BYTE_ORDER = 0x1a2b_3c4d;

/** Block types that are read; others are skipped. */
const BLOCK = { interface: 1, oldPacket: 2, simplePacket: 3, enhancedPacket: 6 } as const;

/** Type and length in front, and the length again behind. */
const FRAME_BYTES = 12;
const SECTION_LEAST_BYTES = 28;

/** Bytes of a packet block's body in front of the packet. */
const ENHANCED_BYTES = 20;
const SIMPLE_BYTES = 4;

/** Longest block: a packet with its options, or a list of names or keys that is skipped. Longer ones are damage. */
const MAX_BLOCK_BYTES = 1_048_576;

/** Most interfaces of a section. */
const MAX_INTERFACES = 4_096;

/** A decoder of pcapng (draft-ietf-opsawg-pcapng), of any number of sections. */
export function pcapngDecoder(): CaptureDecoder {
  return recordStream(pcapngFormat());
}

/** What the blocks of a section need to know of what came before. */
interface Section {
  readonly littleEndian: boolean;
  readonly interfaces: CaptureInterface[];
}

function pcapngFormat(): RecordFormat {
  let section: Section | undefined;
  // A simple packet has no time: it gets that of the packet before it.
  let lastMs = 0;

  return {
    headBytes: () => FRAME_BYTES,
    lengthAt: (view, at) => blockBytes(view, at, section),
    take(block, view, at, packets) {
      const order = orderAt(view, at);
      if (order !== undefined) section = { littleEndian: order, interfaces: [] };
      if (section === undefined) return 'no pcapng stream: unknown magic number';
      const { littleEndian } = section;
      if (view.getUint32(at + block.length - 4, littleEndian) !== block.length) return damaged('two lengths');
      if (order !== undefined) return undefined;
      const body = block.subarray(8, block.length - 4);
      const type = view.getUint32(at, littleEndian);
      if (type === BLOCK.interface) return addInterface(section, body);
      const packet = packetOf(type, body, section, lastMs);
      if (packet === undefined) return undefined;
      if (typeof packet === 'string') return packet;
      lastMs = packet.atMs;
      packets.push(packet);
      return undefined;
    },
  };
}

const damaged = (what: string): string => `damaged pcapng stream: ${what}`;

/** Whether a section header's byte order is little-endian; undefined when the block is none. */
function orderAt(view: DataView, at: number): boolean | undefined {
  if (view.getUint32(at, true) !== PCAPNG_MAGIC) return undefined;
  const magic = view.getUint32(at + 8, true);
  if (magic === BYTE_ORDER) return true;
  return view.getUint32(at + 8, false) === BYTE_ORDER ? false : undefined;
}

function blockBytes(view: DataView, at: number, section: Section | undefined): number | string {
  const order = orderAt(view, at);
  const isSection = view.getUint32(at, true) === PCAPNG_MAGIC;
  const littleEndian = isSection ? order : section?.littleEndian;
  if (littleEndian === undefined) return 'no pcapng stream: unknown magic number';
  const length = view.getUint32(at + 4, littleEndian);
  const least = isSection ? SECTION_LEAST_BYTES : FRAME_BYTES;
  const isSound = length >= least && length <= MAX_BLOCK_BYTES && length % 4 === 0;
  return isSound ? length : damaged(`a block of ${length} bytes`);
}

function addInterface({ interfaces, littleEndian }: Section, body: Uint8Array): string | undefined {
  const description = decodeInterface(body, littleEndian);
  if (description === undefined) return damaged('a cut interface description');
  if (interfaces.length === MAX_INTERFACES) return damaged(`more than ${MAX_INTERFACES} interfaces`);
  interfaces.push(description);
  return undefined;
}

/** The packet of a block; undefined for a block that is none. */
function packetOf(
  type: number,
  body: Uint8Array,
  section: Section,
  lastMs: number,
): CapturedPacket | string | undefined {
  if (type === BLOCK.simplePacket) return simplePacket(body, section, lastMs);
  if (type !== BLOCK.enhancedPacket && type !== BLOCK.oldPacket) return undefined;
  if (body.length < ENHANCED_BYTES) return damaged('a cut packet block');
  const { littleEndian, interfaces } = section;
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  // The old block has a count of drops where the new one has the upper half of the interface's number.
  const isOld = type === BLOCK.oldPacket;
  const number = isOld ? view.getUint16(0, littleEndian) : view.getUint32(0, littleEndian);
  const from = interfaces[number];
  if (from === undefined) return damaged(`a packet of interface ${number}, which was not described`);
  const kept = view.getUint32(12, littleEndian);
  const end = ENHANCED_BYTES + kept;
  if (kept > MAX_PACKET_BYTES || end > body.length) return damaged(`a packet of ${kept} bytes`);
  const units = view.getUint32(4, littleEndian) * 0x1_0000_0000 + view.getUint32(8, littleEndian);
  const direction = directionOf(body, ENHANCED_BYTES + ((kept + 3) & ~3), littleEndian);
  return {
    atMs: (units / from.perSecond + from.offsetS) * 1000,
    linkType: from.linkType,
    bytes: body.subarray(ENHANCED_BYTES, end),
    wireBytes: view.getUint32(16, littleEndian),
    ...(from.name !== undefined && { interfaceName: from.name }),
    ...(direction !== undefined && { direction }),
  };
}

/** A packet of the first interface. Its block does not say how much of it was kept. */
function simplePacket(
  body: Uint8Array,
  { littleEndian, interfaces }: Section,
  atMs: number,
): CapturedPacket | string {
  const from = interfaces[0];
  if (from === undefined || body.length < SIMPLE_BYTES) return damaged('a simple packet without interface');
  const wireBytes = new DataView(body.buffer, body.byteOffset, SIMPLE_BYTES).getUint32(0, littleEndian);
  const kept = Math.min(wireBytes, from.snapBytes === 0 ? wireBytes : from.snapBytes);
  if (kept > MAX_PACKET_BYTES || SIMPLE_BYTES + kept > body.length)
    return damaged(`a packet of ${kept} bytes`);
  const bytes = body.subarray(SIMPLE_BYTES, SIMPLE_BYTES + kept);
  const common = { atMs, linkType: from.linkType, bytes, wireBytes };
  return from.name === undefined ? common : { ...common, interfaceName: from.name };
}
