/** Runs pieces of work one after the other, in the order in which they are asked for, whatever became of those before. */
export type OneByOne = <T>(work: () => Promise<T>) => Promise<T>;

/** A queue that is empty. */
export function oneByOne(): OneByOne {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const turn = last.catch(() => {}).then(work);
    last = turn;
    return turn;
  };
}
