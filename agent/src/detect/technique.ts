import type { Technique } from '@picket/protocol';

/** TCP flags as they stand in byte 13 of the header (RFC 9293 section 3.1). */
export const TCP_FLAG = { fin: 0x01, syn: 0x02, rst: 0x04, psh: 0x08, ack: 0x10, urg: 0x20 } as const;

/** ECE and CWR say nothing about a scan: an ordinary SYN carries them too (RFC 3168). */
const COUNTED = 0x3f;

const { fin, syn, psh, urg } = TCP_FLAG;

/** nmap's names by exact set of flags (nmap(1), "Port scanning techniques"). */
const BY_FLAGS: ReadonlyMap<number, Technique> = new Map([
  [syn, 'syn'],
  [0, 'null'],
  [fin, 'fin'],
  [fin | psh | urg, 'xmas'],
]);

/** How a TCP segment probes, by its flags; undefined for flags that ordinary connections carry. */
export function tcpTechnique(flags: number): Technique | undefined {
  return BY_FLAGS.get(flags & COUNTED);
}
