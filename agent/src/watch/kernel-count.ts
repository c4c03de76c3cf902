import { TABLE } from '../nft/names.ts';
import type { Runner } from '../run/runner.ts';

/** After so many probes, and so long at least, the kernel is asked how many there really were, ms: a flood is not told whole. */
const ASK_AFTER_PROBES = 1_000;
const ASK_EVERY_MS = 1_000;

/** The kernel's own count of probes, beside the count of those that were told. */
export interface ProbeCount {
  /** Probes in the kernel, and probes told, since the beginning. */
  readonly counted: number;
  readonly received: number;
  /** Sets the kernel's counter to zero, whatever it holds: what was before does not count. */
  begin(): Promise<void>;
  /** One was told. In a flood the kernel is asked now and then, until the flood is over. */
  receive(): void;
  /** Asks the kernel, and hands over what it says; one at a time, so that who asks meanwhile waits for the same answer. */
  take(): Promise<void>;
  /** Follows no flood any longer. */
  stop(): void;
}

export interface ProbeCountDeps {
  readonly run: Runner;
  readonly log: (message: string) => void;
  /** Unix ms. */
  readonly now: () => number;
  /** So many came since the last time. No further question is asked until this is over. */
  readonly onCount: (count: number) => Promise<void>;
}

export function createProbeCount({ run, log, now, onCount }: ProbeCountDeps): ProbeCount {
  let [counted, received, askedAtReceived, askedAtMs] = [0, 0, 0, 0];
  let asking: Promise<void> | undefined;
  let [timer, isStopped]: [NodeJS.Timeout | undefined, boolean] = [undefined, false];

  const ask = async (): Promise<void> => {
    [askedAtReceived, askedAtMs] = [received, now()];
    const count = await takeCount(run);
    counted += count;
    await onCount(count);
    // Of the rest of a flood perhaps nothing is told: then nothing else asks again.
    if (count >= ASK_AFTER_PROBES && !isStopped) follow();
  };
  const take = (): Promise<void> => {
    asking ??= ask().finally(() => {
      asking = undefined;
    });
    return asking;
  };
  const takeInFlood = (): void => {
    take().catch((error: Error) => log(error.message));
  };
  const follow = (): void => {
    clearTimeout(timer);
    timer = setTimeout(takeInFlood, ASK_EVERY_MS).unref();
  };

  return {
    get counted() {
      return counted;
    },
    get received() {
      return received;
    },
    async begin() {
      await takeCount(run);
    },
    receive() {
      received++;
      if (received - askedAtReceived >= ASK_AFTER_PROBES && now() - askedAtMs >= ASK_EVERY_MS) takeInFlood();
    },
    take,
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}

/**
 * How many probes the kernel's table has told since the last look; 0 while there is no table. `reset`, since `list` has
 * nft read all elements of all sets first: seconds when they are full.
 */
async function takeCount(run: Runner): Promise<number> {
  const { status, stdout } = await run({
    argv: ['nft', '-j', 'reset', 'counter', ...TABLE.split(' '), 'probes'],
  });
  if (status !== 0) return 0;
  const { nftables } = JSON.parse(stdout) as { nftables: { counter?: { packets: number } }[] };
  return nftables.find((entry) => entry.counter !== undefined)?.counter?.packets ?? 0;
}
