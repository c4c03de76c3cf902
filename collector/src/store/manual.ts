import { isSingleSource, type NeverBlockReason, neverBlock, type Source, type Tier } from '@picket/protocol';
import { COLLECTOR, recordAct } from './audit.ts';
import { readNeverBlock } from './facts.ts';
import { changeList } from './list-change.ts';
import type { Sql } from './sql.ts';
import { readBlocksOf } from './status.ts';

/** A block that a person asks for. */
export interface ManualBlock {
  readonly networkId: string;
  readonly source: Source;
  readonly tier: Tier;
  readonly reason: string;
  readonly author: string;
  readonly untilMs: number;
  /** Who the audit log names; the author when absent. */
  readonly who?: string;
}

/** Why a block was not made; `too wide` for what is no single source. */
export type RefusedBlock = NeverBlockReason | 'too wide' | 'list full';

/** The list's new version, or why there is none. */
export type ManualResult =
  | { readonly ok: true; readonly version: number }
  | { readonly ok: false; readonly reason: RefusedBlock };

/**
 * Blocks a source because a person says so; a running block of it becomes this one. What no host would take is refused:
 * a block that is in the list and in force nowhere would be a lie in every mail.
 */
export async function blockSource(sql: Sql, block: ManualBlock, nowMs: number): Promise<ManualResult> {
  const { networkId, source } = block;
  if (!isSingleSource(source)) return { ok: false, reason: 'too wide' };
  return sql.begin(async (tx) => {
    let never: NeverBlockReason | undefined;
    const { version } = await changeList(tx, networkId, nowMs, async () => {
      never = neverBlock(source, await readNeverBlock(tx, networkId, [source]));
      return { set: never === undefined ? [block] : [], lift: [], isAllowChanged: false };
    });
    if (version === undefined) return { ok: false, reason: never ?? 'list full' };
    const { tier, reason, untilMs, who = block.author } = block;
    const details = { tier, reason, until: new Date(untilMs).toISOString(), version };
    await recordAct(tx, { networkId, who, act: 'block.add', subject: source, details });
    return { ok: true, version };
  });
}

/** Lifts the running block of a source; undefined when there is none. */
export async function unblockSource(
  sql: Sql,
  { networkId, source, who = COLLECTOR }: Pick<ManualBlock, 'networkId' | 'source' | 'who'>,
  nowMs: number,
): Promise<number | undefined> {
  return sql.begin(async (tx) => {
    const { version } = await changeList(tx, networkId, nowMs, async () => {
      const rows = await tx<{ source: Source }[]>`
        select source from block
        where network_id = ${networkId} and source = ${source} and removed_at is null`;
      return { set: [], lift: rows.map((row) => row.source), isAllowChanged: false };
    });
    if (version !== undefined)
      await recordAct(tx, { networkId, who, act: 'block.lift', subject: source, details: { version } });
    return version;
  });
}

/** An address or prefix that no host of the network shall block. */
export interface NewAllowEntry {
  readonly networkId: string;
  readonly source: Source;
  readonly reason: string;
  readonly author: string;
  /** Who the audit log names; the author when absent. */
  readonly who?: string;
}

/** Allows a source and lifts every running block that overlaps it. Returns those and the list's version. */
export async function allowSource(
  sql: Sql,
  entry: NewAllowEntry,
  nowMs: number,
): Promise<{ version: number | undefined; lifted: readonly Source[] }> {
  const { networkId, source, reason, author, who = author } = entry;
  return sql.begin(async (tx) => {
    let lifted: readonly Source[] = [];
    const { version } = await changeList(tx, networkId, nowMs, async () => {
      await tx`
        insert into allow_entry (network_id, source, reason, author)
        values (${networkId}, ${source}, ${reason}, ${author})
        on conflict (network_id, source) do update set
          reason = excluded.reason, author = excluded.author, until_at = null`;
      lifted = (await readBlocksOf(tx, networkId, [source])).map((block) => block.source);
      return { set: [], lift: lifted, isAllowChanged: true };
    });
    const details = { reason, lifted, version };
    await recordAct(tx, { networkId, who, act: 'allow.add', subject: source, details });
    return { version, lifted };
  });
}

/** Takes an allow entry back; undefined when there is none. */
export async function disallowSource(
  sql: Sql,
  { networkId, source, who = COLLECTOR }: Pick<NewAllowEntry, 'networkId' | 'source' | 'who'>,
  nowMs: number,
): Promise<number | undefined> {
  return sql.begin(async (tx) => {
    const { version } = await changeList(tx, networkId, nowMs, async () => {
      const rows = await tx`
        delete from allow_entry where network_id = ${networkId} and source = ${source} returning source`;
      return { set: [], lift: [], isAllowChanged: rows.length > 0 };
    });
    if (version !== undefined)
      await recordAct(tx, { networkId, who, act: 'allow.remove', subject: source, details: { version } });
    return version;
  });
}
