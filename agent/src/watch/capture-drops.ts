/** Longest wait for captures to tell their counts, ms: tcpdump answers at once, when it is not stopped. */
const TELL_LIMIT_MS = 300;

/** tcpdump's count since its start, said on a signal and at its end. */
const DROPPED = /(\d+) packets? dropped by kernel/g;

/** How many packets captures lost: each counts from its own start. */
export interface Drops {
  /** The counter of a new capture; once that has ended for good, its count is kept as a number. */
  of(): { words(text: string): void; is(packets: number): void; ended(): void };
  /** Resolves when so many captures have told their counts, or none will. */
  told(captures: number): Promise<void>;
  total(): number;
}

export function createDrops(): Drops {
  const running = new Set<{ packets: number }>();
  let before = 0;
  let onTold = (): void => {};
  return {
    of() {
      const count = { packets: 0 };
      let rest = '';
      running.add(count);
      const is = (packets: number) => {
        count.packets = Math.max(count.packets, packets);
      };
      return {
        is,
        ended() {
          if (running.delete(count)) before += count.packets;
        },
        words(text) {
          // The count may be cut in two: the end of the last piece stays.
          const said = rest + text;
          const found = [...said.matchAll(DROPPED)].at(-1);
          rest = said.slice(-64);
          if (found === undefined) return;
          is(Number(found[1]));
          rest = '';
          onTold();
        },
      };
    },
    told(captures) {
      return new Promise((resolve) => {
        let missing = captures;
        const timer = setTimeout(resolve, TELL_LIMIT_MS);
        onTold = () => {
          if (--missing > 0) return;
          clearTimeout(timer);
          resolve();
        };
        if (captures === 0) onTold();
      });
    },
    total: () => [...running].reduce((sum, { packets }) => sum + packets, before),
  };
}
