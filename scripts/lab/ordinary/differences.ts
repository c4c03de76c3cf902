/** A sample of which the engines may say different things, and why. */
export interface Difference {
  readonly sample: string;
  /** Sources that each engine names beside those of the sample. */
  readonly kernel?: readonly string[];
  readonly capture?: readonly string[];
  readonly replay?: readonly string[];
  readonly why: string;
}

/** All allowed differences. The test fails for one that is not here, and for one of these that no longer occurs. */
export const DIFFERENCES: readonly Difference[] = [];
