import { z } from 'zod';

/**
 * How a probe was made, in nmap's names (nmap(1), "Port scanning techniques"). `syn-fin` is SYN with FIN, which some
 * old filters let pass; `odd-flags` is any other set of TCP flags that no stack sends. A window scan (-sW) sends what an
 * ACK scan (-sA) sends, and reads the answer otherwise: both are `ack` to whoever is scanned. Later wire versions may add
 * names; a collector keeps unknown ones as text.
 */
export const TECHNIQUES = [
  'connect',
  'syn',
  'fin',
  'null',
  'xmas',
  'syn-fin',
  'odd-flags',
  'maimon',
  'ack',
  'window',
  'udp',
  'sctp-init',
  'sctp-cookie-echo',
  'ip-protocol',
] as const;

export type Technique = (typeof TECHNIQUES)[number];

/** A technique on the wire: open to names this version does not know. */
export const techniqueSchema = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'must be a technique name');

/** What is watched: the ports of three transport protocols, and with `ip` the IP protocols themselves, by number. */
export const TRANSPORTS = ['tcp', 'udp', 'sctp', 'ip'] as const;

export type Transport = (typeof TRANSPORTS)[number];
