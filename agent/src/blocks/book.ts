import { parseSource, type Source, tierSchema, unixMsSchema, uuid7Schema } from '@picket/protocol';
import { z } from 'zod';
import type { FoundBlock, LocalBlock } from '../firewall/firewall.ts';
import { SAME_END_MS } from './offences.ts';

/** A local block with what the host tells of it. */
export interface BookedBlock extends LocalBlock {
  readonly atMs: number;
  readonly droppedPackets: number;
  /** The person who ordered it. */
  readonly by?: string | undefined;
  /**
   * Id of the sighting that tells the collector of it, until that is in the spool for sure. Whoever finds it here after a
   * crash tells it again under the same id, and the collector has it once.
   */
  readonly untoldAs?: string | undefined;
}

/** A block that the collector may not know of. */
export interface UntoldBlock extends BookedBlock {
  /** Id of the sighting to tell it by. */
  readonly untoldAs: string;
  /** Whether an agent that was killed may have told it all the same. */
  readonly isHeirloom: boolean;
}

/** Where the book is kept over a reboot. */
export const bookPath = (stateDir: string): string => `${stateDir}/blocks.json`;

/** The local blocks of a host by source. */
export type Book = ReadonlyMap<Source, BookedBlock>;

const savedSchema = z.array(
  z.object({
    source: z.string().refine((text) => parseSource(text) === text),
    untilMs: unixMsSchema,
    atMs: unixMsSchema,
    tier: tierSchema,
    droppedPackets: z.int().min(0),
    by: z.string().max(64).optional(),
    untoldAs: uuid7Schema.optional(),
  }),
);

/** The book as text, for a file. */
export function formatBook(book: Book): string {
  const blocks = [...book.values()].map((block) => {
    const { source, untilMs, atMs, tier, droppedPackets, by, untoldAs } = block;
    const times = { untilMs: Math.round(untilMs), atMs: Math.round(atMs) };
    return { source, ...times, tier, droppedPackets, by, untoldAs };
  });
  return JSON.stringify(blocks);
}

/** Reads what {@link formatBook} wrote; undefined for anything else. */
export function parseBook(text: string): BookedBlock[] | undefined {
  try {
    return savedSchema.parse(JSON.parse(text)).map((block) => ({
      ...block,
      decidedBy: block.by === undefined ? ('agent' as const) : ('person' as const),
    }));
  } catch {
    return undefined;
  }
}

/**
 * What the firewall holds and what the book says, made one: a block in both keeps its history; one only in the
 * firewall was decided by the kernel while no agent was reading; one only in the book (after a reboot) is to be put
 * back. Ended ones are left out.
 *
 * @param firstBlockMs how long the kernel itself blocks: tells when a found block began
 * @returns the book, and the blocks that nobody has been told of yet, as far as is known
 */
export function reconcile(
  saved: Iterable<BookedBlock>,
  found: readonly FoundBlock[],
  { nowMs, firstBlockMs }: { nowMs: number; firstBlockMs: number },
): { book: Map<Source, BookedBlock>; untold: BookedBlock[] } {
  const book = new Map<Source, BookedBlock>();
  for (const block of saved) {
    // A host without a clock of its own starts in the past, where a block of an hour would last for years.
    const lastsMs = Math.max(0, block.untilMs - block.atMs);
    const untilMs = Math.min(block.untilMs, nowMs + lastsMs);
    if (untilMs > nowMs) book.set(block.source, { ...block, untilMs, atMs: untilMs - lastsMs });
  }
  const unknown = new Set<Source>();
  for (const { source, untilMs, tier } of found) {
    if (untilMs <= nowMs) continue;
    const known = book.get(source);
    // The agent may have died between the kernel's block and its own word of a longer one.
    if (known !== undefined && known.untilMs > untilMs + SAME_END_MS) continue;
    const atMs = known?.atMs ?? Math.min(nowMs, untilMs - firstBlockMs);
    const droppedPackets = known?.droppedPackets ?? 0;
    const block: BookedBlock = {
      ...{ source, untilMs, tier, atMs, droppedPackets, by: known?.by, untoldAs: known?.untoldAs },
      decidedBy: known?.decidedBy === 'person' ? 'person' : 'kernel',
    };
    book.set(source, block);
    if (known === undefined) unknown.add(source);
  }
  const untold = [...book.values()].filter((b) => unknown.has(b.source) || b.untoldAs !== undefined);
  return { book, untold };
}
