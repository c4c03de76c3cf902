import type { Technique } from '@picket/protocol';

/** TCP flags as they stand in byte 13 of the header (RFC 9293 section 3.1). */
export const TCP_FLAG = { fin: 0x01, syn: 0x02, rst: 0x04, psh: 0x08, ack: 0x10, urg: 0x20 } as const;

/** ECE and CWR say nothing about a scan: an ordinary SYN carries them too (RFC 3168). */
const COUNTED = 0x3f;

const { fin, syn, rst, psh, ack, urg } = TCP_FLAG;

/** nmap's names of exact sets of flags (nmap(1), "Port scanning techniques"). */
const BY_FLAGS: ReadonlyMap<number, Technique> = new Map([
  [syn, 'syn'],
  [0, 'null'],
  [fin, 'fin'],
  [fin | psh | urg, 'xmas'],
]);

/**
 * How a TCP segment probes, by its flags. The nftables table makes the same decisions (`tcp_in` of nft/ruleset.ts).
 *
 * @returns undefined for what answers something: RST and SYN+ACK, which also come as backscatter of forged floods
 */
export function tcpTechnique(flags: number): Technique | undefined {
  const counted = flags & COUNTED;
  const exact = BY_FLAGS.get(counted);
  if (exact !== undefined) return exact;
  if ((counted & (syn | rst)) === (syn | rst)) return 'odd-flags';
  if (counted & rst) return undefined;
  if ((counted & (syn | fin)) === (syn | fin)) return 'syn-fin';
  // Without ACK only a SYN opens a connection (RFC 9293 section 3.10): no stack sends the rest.
  if (!(counted & ack)) return 'odd-flags';
  if (counted & syn) return undefined;
  return counted & fin ? 'maimon' : 'ack';
}

/** Types of the first chunk of an SCTP packet (RFC 9260 section 3.2) with which nmap probes. */
export const SCTP_CHUNK = { init: 1, cookieEcho: 10 } as const;

/** How an SCTP packet probes, by its first chunk; undefined for chunks of an association that exists. */
export function sctpTechnique(chunk: number | undefined): Technique | undefined {
  if (chunk === SCTP_CHUNK.init) return 'sctp-init';
  return chunk === SCTP_CHUNK.cookieEcho ? 'sctp-cookie-echo' : undefined;
}
