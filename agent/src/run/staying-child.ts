import type { MarkedChild } from './marked-child.ts';
import type { Outcome } from './runner.ts';

/** A marked child that is kept: started when there is something to do, replaced when it has grown old. */
export interface StayingChild {
  /** Starts it where none runs, and waits for nothing. */
  begin(): void;
  /**
   * Has it carry out one line or several.
   *
   * @returns undefined when it did not answer: there is none yet, or it died or hung, and then nobody knows whether the
   *   lines were carried out. A process of its own is to carry them out, so they must bear being carried out twice.
   */
  write(text: string): Promise<Outcome | undefined>;
  /** Ends it. */
  close(): Promise<void>;
}

/** How a child is kept. */
export interface StayingOptions {
  /** The program that does its work without it: `nft`. */
  readonly program: string;
  readonly start: () => MarkedChild;
  /** Lines after which it is replaced, since it keeps something of each. */
  readonly mostLines: number;
  readonly log: (message: string) => void;
  /** Told when one started, and when it ended. */
  readonly onStart?: (pid: number | undefined) => void;
  readonly onEnd?: (pid: number | undefined) => void;
}

/** How long it is left alone when it would not stay, ms. */
const RETRY_MS = 60_000;

/** Keeps a child. Nothing is started before there is something to do. */
export function keepStaying(options: StayingOptions): StayingChild {
  const { program, start, mostLines, log, onStart, onEnd } = options;
  let [staying, retryAtMs, isClosed]: [MarkedChild | undefined, number, boolean] = [undefined, 0, false];
  /** Whether it has answered. */
  let isReady = false;
  let isRefusalTold = false;
  /** Ends that are under way. */
  const ending = new Set<Promise<void>>();

  const retire = (child: MarkedChild): void => {
    const end = child.end().finally(() => {
      onEnd?.(child.pid);
      ending.delete(end);
    });
    ending.add(end);
  };
  const giveUp = (child: MarkedChild, error: Error): void => {
    if (staying !== child) return;
    staying = undefined;
    retire(child);
    // Who answered before is started again at once; who never did is no program that can stay, which is said once.
    if (isReady || !isRefusalTold) log(`${error.message}: its change is made by another ${program}`);
    if (isReady) return;
    isRefusalTold = true;
    retryAtMs = performance.now() + RETRY_MS;
  };
  const begin = (): void => {
    if (staying !== undefined || isClosed || performance.now() < retryAtMs) return;
    const child = start();
    onStart?.(child.pid);
    [staying, isReady] = [child, false];
    child.write('').then(
      () => {
        if (staying === child) isReady = true;
      },
      (error: Error) => giveUp(child, error),
    );
  };

  return {
    begin,
    async write(text) {
      begin();
      const child = staying;
      if (child === undefined || !isReady) return undefined;
      if (child.lines >= mostLines) {
        staying = undefined;
        begin();
      }
      const outcome = await child.write(text).catch((error: Error) => error);
      if (staying !== child) retire(child);
      if (!(outcome instanceof Error)) return outcome;
      giveUp(child, outcome);
      return undefined;
    },
    async close() {
      isClosed = true;
      const last = staying;
      staying = undefined;
      if (last !== undefined) retire(last);
      await Promise.all(ending);
    },
  };
}
