import { z } from 'zod';

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Milliseconds of a duration as people write it (`90s`, `15m`, `4h`, `7d`); undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,6})([smhd])$/.exec(text);
  if (match === null) return undefined;
  return Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS];
}

/** Schema of a duration in the config: text in, ms out, within the given bounds (texts themselves). */
export function durationSchema(least: string, most: string) {
  const [leastMs, mostMs] = [parseDuration(least) ?? 0, parseDuration(most) ?? Number.POSITIVE_INFINITY];
  const allowed = `a duration like "90s", "15m", "4h" or "7d", from ${least} to ${most}`;
  return z.string(allowed).transform((text, context) => {
    const ms = parseDuration(text);
    if (ms !== undefined && ms >= leastMs && ms <= mostMs) return ms;
    context.addIssue({ code: 'custom', message: allowed });
    return z.NEVER;
  });
}
