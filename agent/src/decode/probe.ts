import type { Probe } from '../detect/probe.ts';
import { tcpTechnique } from '../detect/technique.ts';
import { decodeIp } from './ip.ts';

const TCP = 6;
const UDP = 17;

/** Bytes of a TCP header up to and with the flags. */
const TCP_FLAGS_END = 14;

/**
 * Reads a packet, from its IP header on, as a probe. Never throws.
 *
 * @param atMs time of the packet, ms
 * @returns undefined when the packet is cut, malformed, or made in no way that is known as a probe
 */
export function decodeProbe(bytes: Uint8Array, atMs: number): Probe | undefined {
  const ip = decodeIp(bytes);
  if (ip === undefined || ip.payload.length < 4) return undefined;
  const view = new DataView(ip.payload.buffer, ip.payload.byteOffset, ip.payload.length);
  const common = { atMs, address: ip.source, localAddress: ip.destination, port: view.getUint16(2) };
  if (ip.protocol === UDP) return { ...common, transport: 'udp', technique: 'udp', evidence: 'forgeable' };
  if (ip.protocol !== TCP || ip.payload.length < TCP_FLAGS_END) return undefined;
  const technique = tcpTechnique(view.getUint8(13));
  return technique && { ...common, transport: 'tcp', technique, evidence: 'forgeable' };
}
