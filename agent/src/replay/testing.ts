import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Address } from '@picket/protocol';
import { sum16 } from '../decode/checksum.ts';
import { pcap, type Written } from '../decode/testing/captures.ts';

/** LINKTYPE_RAW: an IP packet without anything before it. */
export const RAW = 101;

/** Two ends of a talk: address and port each. */
export interface Ends {
  readonly from: readonly [Address, number];
  readonly to: readonly [Address, number];
}

/** A TCP segment in IPv4, whole and right. */
export function tcp(atMs: number, { from, to }: Ends, flags: number): Written {
  const packet = Buffer.alloc(40);
  header(packet, 6, from[0], to[0]);
  packet.writeUInt16BE(from[1], 20);
  packet.writeUInt16BE(to[1], 22);
  packet[32] = 0x50;
  packet[33] = flags;
  // The pseudo-header (RFC 9293 section 3.1): addresses, protocol and length.
  packet.writeUInt16BE(folded(sum16(packet, 20, 40, sum16(packet, 12, 20, 6 + 20))), 36);
  return { atMs, data: packet };
}

/** An empty UDP datagram in IPv4, without checksum (RFC 768). */
export function udp(atMs: number, { from, to }: Ends): Written {
  const packet = Buffer.alloc(28);
  header(packet, 17, from[0], to[0]);
  packet.writeUInt16BE(from[1], 20);
  packet.writeUInt16BE(to[1], 22);
  packet.writeUInt16BE(8, 24);
  return { atMs, data: packet };
}

function header(packet: Buffer, protocol: number, from: Address, to: Address): void {
  packet[0] = 0x45;
  packet.writeUInt16BE(packet.length, 2);
  packet[8] = 64;
  packet[9] = protocol;
  packet.set(from.split('.').map(Number), 12);
  packet.set(to.split('.').map(Number), 16);
  packet.writeUInt16BE(folded(sum16(packet, 0, 20)), 10);
}

function folded(sum: number): number {
  let rest = sum;
  while (rest > 0xffff) rest = (rest & 0xffff) + (rest >>> 16);
  return ~rest & 0xffff;
}

/** Writes a capture of the packets to a file of its own while something is done with it. */
export async function withCapture<T>(
  capture: readonly Written[] | Uint8Array,
  use: (file: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'picket-replay-'));
  const file = join(folder, 'capture.pcap');
  await writeFile(file, capture instanceof Uint8Array ? capture : pcap(capture, { linkType: RAW }));
  return use(file).finally(() => rm(folder, { recursive: true }));
}
