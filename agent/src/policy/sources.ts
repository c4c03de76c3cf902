import { type Cidr, parseCidr } from '@picket/protocol';
import { z } from 'zod';

/** A source that a policy names: a network, or a host name to be resolved. */
export type SourceName =
  | { readonly kind: 'cidr'; readonly cidr: Cidr }
  | { readonly kind: 'name'; readonly name: string };

/** RFC 1123 section 2.1, with at least one letter, so that a mistyped address is not taken for a name. */
const HOST_NAME =
  /^(?=.{1,253}$)(?=.*[a-z])(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;

/** Schema of an address, CIDR or host name. */
export const sourceNameSchema = z
  .string('an address, CIDR or host name')
  .transform((text, context): SourceName => {
    const parsed = parseCidr(text);
    if (parsed.ok) return { kind: 'cidr', cidr: parsed.cidr };
    if (HOST_NAME.test(text)) return { kind: 'name', name: text.toLowerCase() };
    context.addIssue({ code: 'custom', message: `an address, CIDR or host name (${parsed.reason})` });
    return z.NEVER;
  });

/** Days as they are written in a policy, Sunday first as in `Date.getDay`. */
export const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;

const MOMENT = 'a date-time with offset like 2026-11-24T22:00:00Z';
const HOURS = 'hours of the day like "22:00-04:00"';

/** TOML has a type for moments: an offset date-time comes as a Date. */
const momentSchema = z
  .date(MOMENT)
  .refine((date) => !Number.isNaN(date.getTime()) && hasOffset(date), MOMENT)
  .transform((date) => date.getTime());

/** smol-toml marks dates without an offset, whose moment nobody can know. */
function hasOffset(date: Date): boolean {
  return !('isLocal' in date && typeof date.isLocal === 'function' && date.isLocal());
}

const hoursSchema = z
  .string(HOURS)
  .transform((text, context): { fromMinute: number; untilMinute: number } => {
    const match = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)$/.exec(text);
    const [fromMinute, untilMinute] = [1, 3].map((i) => Number(match?.[i]) * 60 + Number(match?.[i + 1]));
    if (
      fromMinute !== undefined &&
      untilMinute !== undefined &&
      untilMinute <= 1_440 &&
      fromMinute !== untilMinute
    )
      return { fromMinute, untilMinute };
    context.addIssue({ code: 'custom', message: HOURS });
    return z.NEVER;
  });

/**
 * Schema of an authorised scanner: sources that are allowed from one moment to another, at certain hours, on certain days.
 * Whatever is left out is not limited; an hour span that passes midnight belongs to the day on which it begins. Hours and
 * days are in the host's time zone.
 */
export const scannerSchema = z
  .strictObject({
    /** What the log says of it. */
    name: z.string('a name').min(1).max(100).default('authorised scanner'),
    sources: z
      .array(sourceNameSchema, 'a list of addresses, CIDRs and host names')
      .min(1, 'at least one')
      .max(100),
    from: momentSchema.optional(),
    until: momentSchema.optional(),
    hours: hoursSchema.optional(),
    days: z
      .array(z.enum(DAYS, `one of ${DAYS.map((d) => `"${d}"`).join(', ')}`))
      .min(1, 'at least one')
      .optional(),
  })
  .refine(
    ({ from, until }) => from === undefined || until === undefined || from < until,
    'a "from" before its "until"',
  );

/** A scanner that is authorised at times. Moments in Unix ms, minutes since midnight. */
export type AuthorisedScanner = z.infer<typeof scannerSchema>;

/** Whether a scanner may scan now. */
export function isAuthorised(scanner: AuthorisedScanner, now: Date): boolean {
  const { from = Number.NEGATIVE_INFINITY, until = Number.POSITIVE_INFINITY, hours, days } = scanner;
  if (now.getTime() < from || now.getTime() >= until) return false;
  const minute = now.getHours() * 60 + now.getMinutes();
  const { fromMinute, untilMinute } = hours ?? { fromMinute: 0, untilMinute: 1_440 };
  const passesMidnight = untilMinute < fromMinute;
  const isAfterMidnight = passesMidnight && minute < untilMinute;
  if (!isAfterMidnight && (minute < fromMinute || (!passesMidnight && minute >= untilMinute))) return false;
  const day = DAYS[(now.getDay() + (isAfterMidnight ? 6 : 0)) % 7];
  return days === undefined || (day !== undefined && days.includes(day));
}
