import { z } from 'zod';

/** How a probe was made, in nmap's names. Later wire versions may add names; a collector keeps unknown ones as text. */
export const TECHNIQUES = [
  'connect',
  'syn',
  'fin',
  'null',
  'xmas',
  'maimon',
  'ack',
  'window',
  'udp',
] as const;

export type Technique = (typeof TECHNIQUES)[number];

/** A technique on the wire: open to names this version does not know. */
export const techniqueSchema = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'must be a technique name');

/** Transport protocols whose ports are watched. */
export const TRANSPORTS = ['tcp', 'udp'] as const;

export type Transport = (typeof TRANSPORTS)[number];
