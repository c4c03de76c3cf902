import { parseSource, type Source, unixMsSchema } from '@picket/protocol';
import { z } from 'zod';
import { parseSaved } from '../uplink/state-file.ts';

/**
 * Shared blocks that a person lifted on this host alone. Each stays lifted until the end it had then: a block of the same
 * source with another end is a new decision of the network, and counts.
 */
export interface Lifted {
  has(block: { readonly source: Source; readonly untilMs: number }): boolean;
  /** Lifts these too; kept over a restart. */
  add(blocks: Iterable<{ readonly source: Source; readonly untilMs: number }>): Promise<void>;
  /** How many have not ended yet. */
  count(): number;
}

/** Where lifted shared blocks are kept. */
export const liftedPath = (stateDir: string): string => `${stateDir}/lifted.json`;

/** Ends that differ by less are the same end: the clock of the collector is known to a few seconds, ms. */
const SAME_END_MS = 5_000;

const savedSchema = z.array(z.tuple([z.string().refine((text) => parseSource(text) === text), unixMsSchema]));

/** Lifted blocks as text, for a file. */
export function formatLifted(lifted: Iterable<readonly [Source, number]>): string {
  return JSON.stringify([...lifted].map(([source, untilMs]) => [source, Math.round(untilMs)]));
}

/** The parts that reach outside. */
export interface LiftedDeps {
  readonly load: () => Promise<string | undefined>;
  readonly save: (text: string) => Promise<void>;
  /** Called when what was saved is damaged. */
  readonly damaged?: () => void;
  /** Unix ms. */
  readonly now: () => number;
}

/** The lifted blocks of a host, as they were saved; none when what was saved is damaged. */
export async function openLifted({ load, save, now, damaged }: LiftedDeps): Promise<Lifted> {
  const text = await load();
  const saved = parseSaved(savedSchema, text, damaged);
  const lifted = new Map(saved);
  const prune = (): void => {
    for (const [source, untilMs] of lifted) if (untilMs <= now()) lifted.delete(source);
  };
  return {
    has({ source, untilMs }) {
      const known = lifted.get(source);
      return known !== undefined && Math.abs(known - untilMs) < SAME_END_MS;
    },
    async add(blocks) {
      prune();
      for (const { source, untilMs } of blocks) lifted.set(source, untilMs);
      await save(formatLifted(lifted));
    },
    count() {
      prune();
      return lifted.size;
    },
  };
}
