/**
 * How many probes the kernel told and the agent never got. Between the two lies a pipe, so at each look some are only on
 * their way. What is lost stays missing at every later look, and what is on its way does not: so the least that was missing
 * at the last few looks is what is lost (and a little more where a flood fills the pipe at each of them). It never becomes
 * less.
 */
export interface Loss {
  /** A look: probes that the kernel counted, and those that came, since the beginning. */
  note(counted: number, received: number): void;
  readonly probes: number;
}

/** Looks that something is missing at before it is lost. */
const LOOKS = 3;

export function createLoss(): Loss {
  let missing: number[] = [];
  let probes = 0;
  return {
    note(counted, received) {
      missing = [...missing, counted - received].slice(-LOOKS);
      if (missing.length === LOOKS) probes = Math.max(probes, Math.min(...missing));
    },
    get probes() {
      return probes;
    },
  };
}
