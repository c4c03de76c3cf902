const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** A span as people say it, in its two largest units: `3 d 4 h`, `12 s`. */
export function spanWords(ms: number): string {
  let left = Math.max(0, ms);
  const parts: string[] = [];
  for (const [name, size] of UNITS) {
    const whole = Math.floor(left / size);
    left -= whole * size;
    if (whole > 0 || (name === 's' && parts.length === 0)) parts.push(`${whole} ${name}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(' ');
}

/** The same in one unit and few columns: `3d`, `12s`. */
export function shortSpan(ms: number): string {
  const [name, size] = UNITS.find(([, unit]) => ms >= unit) ?? ['s', 1_000];
  return `${Math.max(0, Math.floor(ms / size))}${name}`;
}

/** A moment in UTC to the second: `2026-11-24 08:30:00Z`. */
export function timeWords(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19).replace('T', ' ')}Z`;
}
