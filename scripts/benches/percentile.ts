/**
 * The least value that so many per cent of all do not exceed (nearest rank).
 *
 * @param sorted ascending, at least one
 */
export function percentile(sorted: readonly number[], percent: number): number {
  const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length));
  return sorted[Math.min(rank, sorted.length) - 1] ?? Number.NaN;
}
