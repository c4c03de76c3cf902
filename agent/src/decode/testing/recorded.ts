import { captureDecoder } from '../capture.ts';
import type { CapturedPacket } from '../record-stream.ts';

/** Captures of ../testdata, made as its README says. */
export const RECORDED = [
  'nmap-ipv4.pcap',
  'nmap-ipv6.pcap',
  'nmap-fragments.pcap',
  'nmap-badsum.pcap',
  'vlan-tagged.pcap',
  'any-sll.pcap',
  'any-sll2.pcap',
  'loopback.pcap',
  'interfaces.pcapng',
  'nmap-ipv4.snoop',
] as const;

export type Recorded = (typeof RECORDED)[number];

/** Frames of a whole capture. */
export function framesOf(capture: Uint8Array): CapturedPacket[] {
  const step = captureDecoder()(capture);
  if (!step.ok) throw new Error(step.reason);
  return step.packets;
}
