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
    /** It ended, and is kept only to be told: on a host whose clock starts in the past it must not come back. */
    isOver: z.literal(true).optional(),
  }),
);

/** A block that ended before the collector heard of it for sure. */
export type EndedBlock = BookedBlock & { readonly untoldAs: string };

/**
 * The book as text, for a file.
 *
 * @param ended blocks that are in force no more and still to be told
 */
export function formatBook(book: Book, ended: Iterable<EndedBlock> = []): string {
  const over = [...ended].map((block) => ({ ...saved(block), isOver: true }));
  return JSON.stringify([...[...book.values()].map(saved), ...over]);
}

function saved({ source, untilMs, atMs, tier, droppedPackets, by, untoldAs }: BookedBlock) {
  const times = { untilMs: Math.round(untilMs), atMs: Math.round(atMs) };
  return { source, ...times, tier, droppedPackets, by, untoldAs };
}

/** Reads the blocks that {@link formatBook} wrote; undefined for anything else. */
export function parseBook(text: string): BookedBlock[] | undefined {
  return parse(text)?.flatMap(({ isOver, ...block }) => (isOver === true ? [] : [block]));
}

/** Reads the ended ones that {@link formatBook} wrote; none in anything else. */
export function parseEnded(text: string): EndedBlock[] {
  return (parse(text) ?? []).flatMap(({ isOver, ...block }) => (isOver === true ? toTell(block) : []));
}

function parse(text: string): (BookedBlock & { isOver?: true | undefined })[] | undefined {
  try {
    return savedSchema.parse(JSON.parse(text)).map((block) => ({
      ...block,
      decidedBy: block.by === undefined ? ('agent' as const) : ('person' as const),
    }));
  } catch {
    return undefined;
  }
}

/** The block, when the collector may not know of it. */
export function toTell(block: BookedBlock): EndedBlock[] {
  const { untoldAs } = block;
  return untoldAs === undefined ? [] : [{ ...block, untoldAs }];
}

/**
 * What the firewall holds and what the book says, made one: a block in both keeps its history; one only in the
 * firewall was decided by the kernel while no agent was reading; one only in the book (after a reboot) is to be put
 * back. Ended ones are in force no more, but may still have to be told.
 *
 * @param firstBlockMs how long the kernel itself blocks: tells when a found block began
 * @returns the book; the blocks in it that nobody has been told of yet, as far as is known; and such that ended
 */
export function reconcile(
  saved: Iterable<BookedBlock>,
  found: readonly FoundBlock[],
  { nowMs, firstBlockMs }: { nowMs: number; firstBlockMs: number },
): { book: Map<Source, BookedBlock>; untold: BookedBlock[]; ended: EndedBlock[] } {
  const book = new Map<Source, BookedBlock>();
  const ended: EndedBlock[] = [];
  for (const block of saved) {
    // A host without a clock of its own starts in the past, where a block of an hour would last for years.
    const lastsMs = Math.max(0, block.untilMs - block.atMs);
    const untilMs = Math.min(block.untilMs, nowMs + lastsMs);
    if (untilMs > nowMs) book.set(block.source, { ...block, untilMs, atMs: untilMs - lastsMs });
    else ended.push(...toTell(block));
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
  return { book, untold, ended };
}
