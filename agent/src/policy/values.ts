import { type PortRange, parsePortRanges } from '@picket/protocol';
import { z } from 'zod';

const PORTS_ALLOWED = 'ports and ranges from 0 to 65535 like "22,80-82"';

/** Ports as text, `22,80-82`; none when empty. */
export const portsSchema = z.string(PORTS_ALLOWED).transform((text, context): readonly PortRange[] => {
  const ranges = text.trim() === '' ? [] : parsePortRanges(text);
  if (ranges !== undefined) return ranges;
  context.addIssue({ code: 'custom', message: PORTS_ALLOWED });
  return z.NEVER;
});

/** IP protocols by number, as ports are written. */
export const protocolsSchema = portsSchema.refine(
  (ranges) => ranges.every(([, to]) => to <= 255),
  'IP protocol numbers and ranges from 0 to 255 like "1,50-51"',
);

/** One of some words. */
export function oneOf<const T extends readonly [string, ...string[]]>(values: T) {
  return z.enum(values, `one of ${values.map((v) => `"${v}"`).join(', ')}`);
}

/** A whole number within bounds. */
export function wholeNumber(least: number, most: number) {
  const allowed = `a whole number from ${least} to ${most}`;
  return z.int(allowed).min(least, allowed).max(most, allowed);
}

/** Longest name that Linux gives an interface is 15 characters (IFNAMSIZ); illumos takes 31. */
export const interfaceSchema = z.string().regex(/^[A-Za-z0-9._:@-]{1,31}$/, 'an interface name like "eth0"');

/** `true` or `false`, and no other word for it. */
export const trueOrFalse = z.boolean('true or false');
