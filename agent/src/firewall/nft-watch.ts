import { setTimeout as sleep } from 'node:timers/promises';
import { type Change, changeReader, sayingNothing } from '../nft/events.ts';
import { TABLE } from '../nft/names.ts';
import { type KeptChild, keepRunning } from '../run/keep-running.ts';
import { type ListeningChild, type ListeningCommand, startListening } from '../run/listening-child.ts';
import type { NftSession } from '../run/nft-session.ts';
import { TABLE_NEWS } from '../run/table-news-script.ts';

/** What a watch works with. */
export interface WatchDeps {
  readonly session: NftSession;
  readonly log: (message: string) => void;
  /** Told of each transaction of others, and when some may have been missed. */
  readonly onForeign: () => void;
  /** Ends a start that is under way. */
  readonly signal: AbortSignal;
}

/** What reads the news of the table. */
export type Reader = Omit<ListeningCommand, 'onData'>;

/** Longest wait until a reader hears of a change of our own, ms. */
const HEAR_LIMIT_MS = 5_000;

/** How often it is spoken to until then, ms. */
const SPEAK_EVERY_MS = 20;

/** Perl's reader, in 6 MB. */
export const PERL_READER: Reader = {
  argv: ['perl', '-e', TABLE_NEWS, TABLE.split(' ')[1] ?? ''],
  ready: /listening/,
  holdsInput: true,
};

/** nft's own, where there is no Perl. It does not say when it listens. */
export const NFT_READER: Reader = { argv: ['nft', 'monitor'] };

/**
 * Watches the table for changes by others. Resolves when a change of our own was heard, so that none is missed.
 *
 * @throws Error when no reader runs here, or when the processes it names are not ours: in a container with process ids
 * of its own nobody could tell our own changes from others'
 */
export async function watchTable(
  deps: WatchDeps,
  readers: readonly Reader[] = [PERL_READER, NFT_READER],
): Promise<KeptChild> {
  const faults: string[] = [];
  for (const reader of readers) {
    const start = startOnce(reader, deps);
    const kept = await keepRunning(start, { name: 'the watch over the table', log: deps.log }).catch(
      (error: Error) => void faults.push(error.message),
    );
    if (kept) return kept;
    if (deps.signal.aborted) break;
  }
  throw new Error(faults.join('; '));
}

/** One life of a reader after the other. What happened between two lives may have been missed. */
function startOnce(reader: Reader, { session, onForeign, signal }: WatchDeps): () => Promise<ListeningChild> {
  let lives = 0;
  return async () => {
    let heard: Change | undefined;
    let isProven = false;
    const read = changeReader((change) => {
      heard = change;
      if (isProven && (change.pid === undefined || !session.isOwn(change.pid))) onForeign();
    });
    const argv = [...session.prefix, ...reader.argv] as [string, ...string[]];
    const decoder = new TextDecoder();
    const child = await startListening({
      ...reader,
      argv,
      onData: (chunk) => read(decoder.decode(chunk, { stream: true })),
    });
    try {
      await prove(session, () => heard, signal);
    } catch (error) {
      await child.stop();
      // The table may be the reason, gone while nobody watched.
      if (lives > 0) onForeign();
      throw error;
    }
    isProven = true;
    if (lives++ > 0) onForeign();
    return child;
  };
}

/** Speaks until it is heard, and heard as who we are. */
async function prove(
  session: NftSession,
  heard: () => Change | undefined,
  signal: AbortSignal,
): Promise<void> {
  const endMs = performance.now() + HEAR_LIMIT_MS;
  while (performance.now() < endMs) {
    const { status, stderr } = await session.write(sayingNothing());
    if (status !== 0) throw new Error(`the table cannot be watched: ${stderr.trim()}`);
    await sleep(SPEAK_EVERY_MS, undefined, { signal });
    const change = heard();
    if (change?.pid !== undefined && session.isOwn(change.pid)) return;
  }
  const why = heard() === undefined ? 'no change is heard' : 'process ids differ from ours';
  throw new Error(`the table cannot be watched: ${why}`);
}
