import type { Source } from '@picket/protocol';
import { decide } from '../correlate/decide.ts';
import { CORRELATION, type SourceEvidence } from '../correlate/evidence.ts';
import { reasonText } from '../correlate/reason.ts';
import { readEvidence, readPorts } from './evidence.ts';
import { readNeverBlock } from './facts.ts';
import type { BlockWrite, ListChange } from './list-change.ts';
import type { Query } from './sql.ts';

/** Reads what a network knows of the sources and has it decided. */
export async function judgeSources(
  sql: Query,
  networkId: string,
  sources: readonly Source[],
  nowMs: number,
): Promise<Pick<ListChange, 'set' | 'lift'>> {
  const set: BlockWrite[] = [];
  const lift: Source[] = [];
  if (sources.length === 0) return { set, lift };
  const facts = await readNeverBlock(sql, networkId, sources);
  for (const evidence of await readEvidence(sql, networkId, sources)) {
    const verdict = decide(evidence, facts, nowMs);
    if (verdict.kind === 'lift') lift.push(evidence.source);
    if (verdict.kind !== 'block') continue;
    const { tier, untilMs, isRunning } = verdict;
    const words = isRunning
      ? keepWords(evidence)
      : {
          reason: reasonText({ ...verdict, ports: await readPorts(sql, networkId, evidence.source, nowMs) }),
          author: CORRELATION,
        };
    set.push({ source: evidence.source, tier, untilMs, ...words });
  }
  return { set, lift };
}

/** A running block that becomes longer or harder stays the block of who made it. */
function keepWords({ block }: SourceEvidence): { reason: string; author: string } {
  return { reason: block?.reason ?? '', author: block?.author ?? CORRELATION };
}
