import { type Evidence, parseSource, type Source, unixMsSchema } from '@picket/protocol';
import { z } from 'zod';
import { parseSaved } from '../uplink/state-file.ts';

/** Where the history of repeat offenders is kept over a restart. */
export const offencesPath = (stateDir: string): string => `${stateDir}/offences.json`;

/** Blocks that a source earned, and when the last of them ended or will end, Unix ms. */
export interface Offence {
  readonly count: number;
  readonly lastMs: number;
}

/** How long blocks last; durations in ms. */
export interface Escalation {
  readonly duration: number;
  readonly factor: number;
  readonly longest: number;
  /** The same for forgeable evidence. */
  readonly longest_forgeable: number;
  readonly forgive: number;
}

/**
 * Offences that still count: one is forgotten for each whole span of good behaviour since the last block ended. A source
 * that is blocked now has had none.
 */
export function standing(offence: Offence | undefined, { forgive }: Escalation, nowMs: number): number {
  if (offence === undefined) return 0;
  return Math.max(0, offence.count - Math.floor(Math.max(0, nowMs - offence.lastMs) / forgive));
}

/** How long the block is that follows so many offences, ms: `duration` × `factor`^offences, at most `longest`. */
export function blockMs(escalation: Escalation, offences: number, evidence: Evidence): number {
  const { duration, factor } = escalation;
  const longest = evidence === 'handshake' ? escalation.longest : escalation.longest_forgeable;
  // The first one is as the policy says, whatever the longest is.
  return Math.min(Math.max(duration, longest), Math.floor(duration * factor ** offences));
}

/**
 * Most sources remembered. A host sees about 1,000 sources a day, few of which trip; the history of the ones that came
 * back last is worth most, so the oldest go first. 65,536 of some 60 bytes make a file of 4 MB.
 */
const MAX_SOURCES = 65_536;

const savedSchema = z.array(
  z.tuple([
    z.string().refine((text) => parseSource(text) === text),
    z.int().min(1).max(1_000_000),
    unixMsSchema,
  ]),
);

/** Ends that differ by less are the same, ms: the firewall counts whole seconds. */
export const SAME_END_MS = 2_000;

/** The memory of who was blocked before. */
export interface Offences {
  /** Counts one more block of a source, beginning now, and tells how long it is to last, ms. */
  commit(source: Source, evidence: Evidence): number;
  /**
   * When a block that was found is to end, Unix ms, if its trip was counted already: then the last block counted ends no
   * sooner, while that of another trip ended before it.
   */
  countedUntil(source: Source, foundUntilMs: number): number | undefined;
  /** Offences of a source that still count. */
  count(source: Source): number;
  /** The wall clock was set, or the host slept; see the keeper's. */
  shift(byMs: number): void;
  /** A person says that it was none. */
  pardon(source: Source): void;
  /** Writes what changed since the last time. */
  save(): Promise<void>;
}

/** The parts that reach outside. */
export interface OffencesDeps {
  readonly escalation: Escalation;
  readonly load: () => Promise<string | undefined>;
  readonly save: (text: string) => Promise<void>;
  /** Called when what was saved is damaged. */
  readonly damaged?: () => void;
  /** Unix ms. */
  readonly now: () => number;
}

/** The history of a host, as it was saved; none when what was saved is damaged. */
export async function openOffences({
  escalation,
  load,
  save,
  now,
  damaged,
}: OffencesDeps): Promise<Offences> {
  const text = await load();
  const saved = parseSaved(savedSchema, text, damaged);
  const known = new Map<Source, Offence>(
    saved?.map(([source, count, lastMs]) => [source, { count, lastMs }]),
  );
  let isSaved = true;
  const put = (source: Source, offence: Offence): void => {
    known.delete(source);
    known.set(source, offence);
    for (const oldest of known.keys()) {
      if (known.size <= MAX_SOURCES) break;
      known.delete(oldest);
    }
    isSaved = false;
  };
  const count = (source: Source): number => standing(known.get(source), escalation, now());
  return {
    count,
    commit(source, evidence) {
      const before = count(source);
      const ms = blockMs(escalation, before, evidence);
      put(source, { count: before + 1, lastMs: now() + ms });
      return ms;
    },
    countedUntil(source, foundUntilMs) {
      const lastMs = known.get(source)?.lastMs;
      return lastMs !== undefined && lastMs > foundUntilMs - SAME_END_MS ? lastMs : undefined;
    },
    shift(byMs) {
      for (const [source, { count: n, lastMs }] of known)
        known.set(source, { count: n, lastMs: lastMs + byMs });
      isSaved = false;
    },
    pardon(source) {
      if (known.delete(source)) isSaved = false;
    },
    async save() {
      if (isSaved) return;
      isSaved = true;
      const rows = [...known].filter(([, offence]) => standing(offence, escalation, now()) > 0);
      try {
        await save(
          JSON.stringify(rows.map(([source, { count: n, lastMs }]) => [source, n, Math.round(lastMs)])),
        );
      } catch (error) {
        isSaved = false;
        throw error;
      }
    },
  };
}
