/** Steps below this are the slewing of NTP and the pauses of a busy host, ms. */
const LEAST_MS = 2_000;

/** Notices that the wall clock was set, or that the host slept. */
export interface StepNotice {
  /** By how much the wall clock went ahead of the running time since the last call, ms; 0 when it did not. */
  stepMs(): number;
}

/**
 * @param wallMs Unix ms
 * @param runningMs ms of a clock that nobody sets and that stands still while the host sleeps, as the timers of a kernel do
 */
export function createStepNotice(wallMs: () => number, runningMs: () => number): StepNotice {
  const apart = (): number => wallMs() - runningMs();
  let last = apart();
  return {
    stepMs() {
      const by = apart() - last;
      if (Math.abs(by) < LEAST_MS) return 0;
      last += by;
      return Math.round(by);
    },
  };
}
