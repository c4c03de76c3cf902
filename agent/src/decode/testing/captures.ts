import { bytes, concat, number } from './bytes.ts';

/** A packet to be written, at a time of Unix, ms. */
export interface Written {
  readonly atMs: number;
  readonly data: Uint8Array;
}

const SECOND_MS = 1_000;

const seconds = ({ atMs }: Written) => Math.floor(atMs / SECOND_MS);

/** Fraction of a second in units of which `perSecond` make one. */
const fraction = ({ atMs }: Written, perSecond: number) =>
  Math.round(((atMs % SECOND_MS) / SECOND_MS) * perSecond);

/** A pcap stream (pcap-savefile(5)), in either byte order and resolution. */
export function pcap(
  packets: readonly Written[],
  { littleEndian = true, nano = false, linkType = 1 } = {},
): Uint8Array {
  const word = (value: number) => number(value, 4, littleEndian);
  const head = concat(
    word(nano ? 0xa1b23c4d : 0xa1b2c3d4),
    bytes('00'.repeat(12)),
    word(65_535),
    word(linkType),
  );
  const records = packets.map((packet) => {
    const size = word(packet.data.length);
    return concat(word(seconds(packet)), word(fraction(packet, nano ? 1e9 : 1e6)), size, size, packet.data);
  });
  return concat(head, ...records);
}

/** A snoop stream: synthetic, from RFC 1761. */
export function snoop(packets: readonly Written[], media = 4): Uint8Array {
  const word = (value: number) => number(value, 4);
  const records = packets.map((packet) => {
    const [size, pad] = [packet.data.length, -packet.data.length & 3];
    const times = [word(seconds(packet)), word(fraction(packet, 1e6))];
    const head = [word(size), word(size), word(24 + size + pad), word(0), ...times];
    return concat(...head, packet.data, new Uint8Array(pad));
  });
  return concat(bytes('736e6f6f70000000'), word(2), word(media), ...records);
}

/** One pcapng block. */
export function block(type: number, littleEndian: boolean, ...body: readonly Uint8Array[]): Uint8Array {
  const content = concat(...body);
  const pad = -content.length & 3;
  const length = number(12 + content.length + pad, 4, littleEndian);
  return concat(number(type, 4, littleEndian), length, content, new Uint8Array(pad), length);
}

/** One option of a pcapng block. */
export function option(code: number, littleEndian: boolean, value: Uint8Array): Uint8Array {
  const pad = new Uint8Array(-value.length & 3);
  return concat(number(code, 2, littleEndian), number(value.length, 2, littleEndian), value, pad);
}

/** A pcapng section with one interface of microseconds and enhanced packets. */
export function pcapng(packets: readonly Written[], { littleEndian = true, linkType = 1 } = {}): Uint8Array {
  const word = (value: number) => number(value, 4, littleEndian);
  const head = block(
    0x0a0d0d0a,
    littleEndian,
    word(0x1a2b3c4d),
    word(1),
    word(0xffff_ffff),
    word(0xffff_ffff),
  );
  const half = number(linkType, 2, littleEndian);
  const blocks = packets.map(({ atMs, data }) => {
    const units = Math.round(atMs * 1000);
    const times = [word(Math.floor(units / 2 ** 32)), word(units % 2 ** 32)];
    return block(6, littleEndian, word(0), ...times, word(data.length), word(data.length), data);
  });
  return concat(head, block(1, littleEndian, half, bytes('0000'), word(0)), ...blocks);
}
