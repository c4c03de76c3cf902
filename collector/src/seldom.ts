/** Least time between two lines of the log that say the same, ms: what happens to each request would drown all else. */
const EVERY_MS = 60_000;

/** Says something at most once a minute, however often it is told to. */
export function seldom(): (say: () => void) => void {
  let saidMs = Number.NEGATIVE_INFINITY;
  return (say) => {
    if (performance.now() - saidMs < EVERY_MS) return;
    saidMs = performance.now();
    say();
  };
}
