import type { Link } from './packet.ts';

/** An IP packet with what its link layer told. */
export interface Frame {
  readonly link: Link;
  /** From the IP header on; may have padding of the link behind it. */
  readonly ip: Uint8Array;
}

/** Reads one link layer; undefined when it carries no IP, or is cut. */
export type LinkDecoder = (bytes: Uint8Array) => Frame | undefined;

/** Of a link that tells nothing. */
export const UNKNOWN_LINK: Link = { direction: 'unknown', cast: 'unknown' };
