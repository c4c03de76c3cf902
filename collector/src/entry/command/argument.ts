import { MAX_NAME_LENGTH, parseCidr, parseSource, type Source } from '@picket/protocol';
import { InvalidArgumentError } from 'commander';
import { checkAddress } from '../check.ts';

/** Milliseconds of the units a duration can have. */
const UNITS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A reader of `90s`, `30m`, `4h`, `7d`: ms, from one second to `mostMs`. */
export function durationUpTo(mostMs: number): (text: string) => number {
  return (text) => {
    const match = /^(\d{1,9})([smhd])$/.exec(text);
    const ms = match === null ? 0 : Number(match[1]) * UNITS[match[2] as keyof typeof UNITS];
    if (ms >= 1000 && ms <= mostMs) return ms;
    throw new InvalidArgumentError(`Must be a number and s, m, h or d, as 4h; at most ${mostMs / UNITS.d}d.`);
  };
}

/** A reader of whole numbers from 1 to `most`. */
export function countUpTo(most: number): (text: string) => number {
  return (text) => {
    const count = /^\d{1,9}$/.test(text) ? Number(text) : 0;
    if (count >= 1 && count <= most) return count;
    throw new InvalidArgumentError(`Must be a whole number from 1 to ${most}.`);
  };
}

/** A source as people write it. An address means itself alone; a prefix must have no host bits. */
export function sourceArgument(text: string): Source {
  const source = parseSource(text);
  if (source !== undefined) return source;
  const parsed = parseCidr(text);
  throw new InvalidArgumentError(parsed.ok ? 'Must be an address or a prefix.' : parsed.reason);
}

/** Collects mail addresses of an option that may be repeated or hold several. */
export function addressArgument(text: string, earlier: readonly string[] = []): string[] {
  const checked = checkAddress(text);
  if (!checked.ok) throw new InvalidArgumentError(`It ${checked.allowed}.`);
  return [...earlier, text];
}

/** An IANA time zone as this machine knows it, in its proper spelling. */
export function zoneArgument(text: string): string {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone;
  } catch {
    throw new InvalidArgumentError('Must be a time zone, as Europe/Berlin or UTC.');
  }
}

/** A name that mails and terminals can show. */
export function nameArgument(text: string): string {
  if (/^[\p{L}\p{N}][\p{L}\p{N} ._-]*$/u.test(text) && text.length <= MAX_NAME_LENGTH) return text;
  throw new InvalidArgumentError(
    'Must begin with a letter or digit and hold only those, space, dot, - and _.',
  );
}

/** Words that say why, on one line. */
export function reasonArgument(text: string): string {
  const reason = text.trim();
  if (/^[^\p{Cc}\p{Cs}]{1,200}$/u.test(reason)) return reason;
  throw new InvalidArgumentError('Must be one line of 1 to 200 characters.');
}
