/** How fast it went with so many rows in place. */
export type Point = { rows: number; perSecond: number };

/** A straight line over the logarithm of the rows. */
export type Curve = { perSecondAtOne: number; perTenfold: number };

/** The line of least squares; undefined of fewer than two numbers of rows. */
export function fitCurve(points: readonly Point[]): Curve | undefined {
  if (new Set(points.map(({ rows }) => rows)).size < 2) return undefined;
  const xs = points.map(({ rows }) => Math.log10(rows));
  const [meanX, meanY] = [mean(xs), mean(points.map(({ perSecond }) => perSecond))];
  const covariance = mean(points.map(({ perSecond }, i) => ((xs[i] ?? 0) - meanX) * (perSecond - meanY)));
  const variance = mean(xs.map((x) => (x - meanX) ** 2));
  const perTenfold = covariance / variance;
  return { perTenfold, perSecondAtOne: meanY - perTenfold * meanX };
}

/** What the line says of a number of rows; never less than nothing. */
export const readCurve = ({ perSecondAtOne, perTenfold }: Curve, rows: number): number =>
  Math.max(0, perSecondAtOne + perTenfold * Math.log10(rows));

const mean = (values: readonly number[]): number =>
  values.reduce((sum, each) => sum + each, 0) / values.length;

const THOUSAND_MILLION = 1e9;

/**
 * What a curve says of a thousand million rows, in words.
 *
 * @param indexBytesPerRow what a row takes in indexes that are searched at random
 * @param memoryBytes memory of this machine
 */
export function describeCurve(
  points: readonly Point[],
  { indexBytesPerRow, memoryBytes }: { indexBytesPerRow: number; memoryBytes: number },
): string {
  const curve = fitCurve(points);
  if (curve === undefined) return 'one number of rows makes no curve: nothing is said of 1,000 million';
  const gb = (bytes: number) => `${Math.round(bytes / 1e9)} GB`;
  const indexBytes = indexBytesPerRow * THOUSAND_MILLION;
  const fits = Math.floor(memoryBytes / indexBytesPerRow / 1e6);
  const least = Math.min(...points.map(({ rows }) => rows));
  const share = Math.round((curve.perTenfold / readCurve(curve, least)) * 100);
  return [
    `each tenfold of rows changes the rate by ${share} % of the first;`,
    `on, 1,000 million rows would take ${Math.round(readCurve(curve, THOUSAND_MILLION))} sightings a second,`,
    `as long as memory holds the indexes: ${gb(indexBytes)} by then, and this machine's ${gb(memoryBytes)} hold those of`,
    `${fits} million; beyond that each new row waits for the disk`,
  ].join(' ');
}
