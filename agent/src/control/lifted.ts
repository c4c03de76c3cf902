import { type BlockEntry, parseSource, type Source, unixMsSchema } from '@picket/protocol';
import { z } from 'zod';
import { parseSaved } from '../uplink/state-file.ts';

/**
 * Shared blocks that a person lifted on this host alone. Each stays lifted until the end it had then: a block of the same
 * source with another end is a new decision of the network, and counts. Ends are compared as the collector signed them, so
 * that no clock of the host's, wrong or set meanwhile, makes another decision of the same one.
 */
export interface Lifted {
  /** Whether a block is lifted. */
  has(entry: BlockEntry | undefined): boolean;
  /** Lifts these too; kept over a restart. */
  add(blocks: Iterable<LiftedBlock>): Promise<void>;
  /** How many have not ended yet. */
  count(): number;
}

/** A block as the collector signed it, and its end in the host's clock, Unix ms. */
export interface LiftedBlock {
  readonly entry: BlockEntry;
  readonly hostUntilMs: number;
}

/** Where lifted shared blocks are kept. */
export const liftedPath = (stateDir: string): string => `${stateDir}/lifted.json`;

/** Ends that differ by less are the same end: files of before have ends in the host's clock, ms. */
const SAME_END_MS = 5_000;

const sourceText = z.string().refine((text) => parseSource(text) === text);
const savedSchema = z.array(
  z.union([
    z.tuple([sourceText, unixMsSchema]),
    // The last is the later one of its two ends, by which it is forgotten.
    z.tuple([sourceText, unixMsSchema, unixMsSchema]),
  ]),
);

interface Ends {
  /** In the collector's clock. */
  readonly untilMs: number;
  /** In either clock the block is over then: the host's own may be wrong now, and right later. */
  readonly keptUntilMs: number;
}

/** Lifted blocks as text, for a file. */
export function formatLifted(lifted: Iterable<readonly [Source, Ends]>): string {
  const rows = [...lifted].map(([source, { untilMs, keptUntilMs }]) => [source, untilMs, keptUntilMs]);
  return JSON.stringify(
    rows.map(([source, ...ends]) => [source, ...ends.map((ms) => Math.round(Number(ms)))]),
  );
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
  const lifted = new Map(
    saved?.map(([source, untilMs, keptUntilMs = untilMs]) => [source, { untilMs, keptUntilMs }] as const),
  );
  const prune = (): void => {
    for (const [source, { keptUntilMs }] of lifted) if (keptUntilMs <= now()) lifted.delete(source);
  };
  return {
    has(entry) {
      if (entry === undefined) return false;
      const [source, untilMs] = entry;
      const known = lifted.get(source);
      return known !== undefined && Math.abs(known.untilMs - untilMs) < SAME_END_MS;
    },
    async add(blocks) {
      prune();
      for (const { entry, hostUntilMs } of blocks) {
        const [source, untilMs] = entry;
        lifted.set(source, { untilMs, keptUntilMs: Math.max(untilMs, hostUntilMs) });
      }
      await save(formatLifted(lifted));
    },
    count() {
      prune();
      return lifted.size;
    },
  };
}
