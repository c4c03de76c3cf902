import type { Log } from '../report/log.ts';
import { createLane, type Lane } from './lane.ts';

/** A teller of failures: the same words every two seconds tell nobody anything. */
export function createOnce(log: Log, words: string): { failed(error: unknown): void; succeeded(): void } {
  let told = '';
  return {
    failed(error) {
      if (String(error) !== told) log.error(words, { error });
      told = String(error);
    },
    succeeded() {
      told = '';
    },
  };
}

/**
 * The lane in which the book goes to the disk: beside the firewall's, since what is told must be booked whatever the
 * firewall says, and a block waits for no disk.
 *
 * @param text what is to be saved now
 */
export function createSaving(save: (text: string) => Promise<void>, text: () => string, log: Log): Lane {
  const once = createOnce(log, 'the local blocks could not be saved; trying again');
  let savedText = '';
  return createLane(async () => {
    const wanted = text();
    if (wanted !== savedText) await save(wanted);
    savedText = wanted;
    once.succeeded();
  }, once.failed);
}
