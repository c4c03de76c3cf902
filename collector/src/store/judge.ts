import { isSingleSource, NO_FACTS, neverBlockRule, type Source } from '@picket/protocol';
import { decide, FIRST_BLOCK_MS, MIN_EXTENSION_MS, type Verdict } from '../correlate/decide.ts';
import { CORRELATION, type KnownBlock, type SourceEvidence } from '../correlate/evidence.ts';
import { reasonText } from '../correlate/reason.ts';
import { type Contribution, readHostEvidence, readKnownBlocks, readPorts } from './evidence.ts';
import { readNeverBlock } from './facts.ts';
import type { BlockWrite, ListChange } from './list-change.ts';
import type { Query } from './sql.ts';

/** What a source gave reason to look at it for. */
export type News = Pick<Contribution, 'trippedAtMs' | 'handshakeAtMs' | 'clientAtMs'> & {
  /** Whether a host took its word back. */
  readonly isCleared: boolean;
};

/** Sources with news, of one network. */
export type NewsOfSources = ReadonlyMap<Source, News>;

/** What shall become of sources. */
export interface Judged {
  readonly block: readonly { readonly evidence: SourceEvidence; readonly verdict: Blocking }[];
  readonly lift: readonly Source[];
}

type Blocking = Extract<Verdict, { kind: 'block' }>;

/** Reads what a network knows of the sources and has it decided. */
export async function judgeSources(
  sql: Query,
  networkId: string,
  news: NewsOfSources,
  nowMs: number,
): Promise<Judged> {
  const blocks = await readKnownBlocks(sql, networkId, [...news.keys()]);
  const isOpen = (source: Source, each: News) => {
    const block = blocks.get(source);
    return isSingleSource(source) && (block === undefined || mayChange(block, each, nowMs));
  };
  const open = [...news].flatMap(([source, each]) => (isOpen(source, each) ? [source] : []));
  if (open.length === 0) return { block: [], lift: [] };
  const query = { sources: open, all: open.filter((source) => blocks.has(source)), nowMs };
  const hosts = await readHostEvidence(sql, networkId, query);
  const drafts = [...hosts].map(([source, of]) => ({ source, hosts: of, block: blocks.get(source) }));
  return withFacts(
    sql,
    networkId,
    drafts.filter(
      (evidence) => evidence.block !== undefined || decide(evidence, NO_FACTS, nowMs).kind !== 'none',
    ),
    nowMs,
  );
}

/**
 * Whether news may change a block that runs. It was made of what was known before, so only what is new counts: a scanner
 * that walks a thousand hosts is not judged by the word of all of them each time. What is not sure is judged.
 */
function mayChange(block: KnownBlock, news: News, nowMs: number): boolean {
  const isOver = block.removedAtMs !== undefined || block.untilMs <= nowMs;
  if (isOver || news.isCleared || news.clientAtMs !== undefined) return true;
  const isLonger = (news.trippedAtMs ?? 0) + FIRST_BLOCK_MS >= block.untilMs + MIN_EXTENSION_MS;
  return isLonger || (block.tier === 'held' && news.handshakeAtMs !== undefined);
}

/** What must never be blocked is asked only for the few sources of which something would follow. */
async function withFacts(
  sql: Query,
  networkId: string,
  candidates: readonly SourceEvidence[],
  nowMs: number,
): Promise<Judged> {
  if (candidates.length === 0) return { block: [], lift: [] };
  const facts = await readNeverBlock(
    sql,
    networkId,
    candidates.map(({ source }) => source),
  );
  const isProtected = neverBlockRule(facts);
  const verdicts = candidates.map((evidence) => {
    const own = isProtected(evidence.source) === undefined ? NO_FACTS : facts;
    return { evidence, verdict: decide(evidence, own, nowMs) };
  });
  return {
    block: verdicts.flatMap(({ evidence, verdict }) =>
      verdict.kind === 'block' ? [{ evidence, verdict }] : [],
    ),
    lift: verdicts.flatMap(({ evidence, verdict }) => (verdict.kind === 'lift' ? [evidence.source] : [])),
  };
}

/** The blocks of a judgement, with words that say why. */
export async function wordBlocks(
  sql: Query,
  networkId: string,
  { block }: Judged,
  nowMs: number,
): Promise<ListChange['set']> {
  const fresh = block.filter(({ verdict }) => !verdict.isRunning).map(({ evidence }) => evidence.source);
  const ports = fresh.length === 0 ? new Map() : await readPorts(sql, networkId, fresh, nowMs);
  return block.map(({ evidence, verdict }): BlockWrite => {
    const { tier, untilMs, isRunning } = verdict;
    const { source } = evidence;
    const words = isRunning
      ? keepWords(evidence)
      : { reason: reasonText({ ...verdict, ports: ports.get(source) ?? {} }), author: CORRELATION };
    return { source, tier, untilMs, ...words };
  });
}

/** A running block that becomes longer or harder stays the block of who made it. */
function keepWords({ block }: SourceEvidence): { reason: string; author: string } {
  return { reason: block?.reason ?? '', author: block?.author ?? CORRELATION };
}
