import { MAX_BLOCK_LIST_ENTRIES, type Source, type Tier } from '@picket/protocol';
import { isoOf, type Tx } from './sql.ts';

/** NOTIFY channel on which `<networkId> <version>` is sent when a list has changed. */
export const LIST_CHANNEL = 'picket_list';

/** A shared block as it shall be. */
export interface BlockWrite {
  readonly source: Source;
  readonly tier: Tier;
  readonly reason: string;
  readonly author: string;
  readonly untilMs: number;
}

/** What shall be different in a network's list. */
export interface ListChange {
  readonly set: readonly BlockWrite[];
  readonly lift: readonly Source[];
  /** Whether what else goes out with it is another: the allow list, or the network's mode. */
  readonly isAllowChanged: boolean;
}

/** What came of it. */
export interface ListChanged {
  /** The list's new version; undefined when nothing was to be changed. */
  readonly version: number | undefined;
  /** Blocks that the list had no room for. */
  readonly refused: number;
}

/**
 * The only way a block list changes: with the network's row locked, so that versions come in the order of commits, and
 * what `plan` reads there cannot be changed by others before it is written. The version moves once, and only when
 * there is something to change. Waiting hosts are told on commit.
 *
 * Batches lock their sources before the network's row, and with that row locked nobody waits for a source.
 */
export async function changeList(
  tx: Tx,
  networkId: string,
  nowMs: number,
  plan: () => Promise<ListChange>,
): Promise<ListChanged> {
  await tx`select 1 from network where id = ${networkId} for no key update`;
  const change = await plan();
  const set = await fitting(tx, networkId, change.set);
  const refused = change.set.length - set.length;
  if (set.length === 0 && change.lift.length === 0 && !change.isAllowChanged)
    return { version: undefined, refused };
  const [row] = await tx<{ list_version: number }[]>`
    update network set list_version = list_version + 1 where id = ${networkId} returning list_version`;
  if (row === undefined) throw new Error(`network ${networkId} is gone`);
  const at = { networkId, version: row.list_version, now: new Date(nowMs) };
  await writeBlocks(tx, at, set);
  await liftBlocks(tx, at, change.lift);
  await tx`select pg_notify(${LIST_CHANNEL}, ${`${networkId} ${row.list_version}`})`;
  return { version: row.list_version, refused };
}

/** As many as the list has room for: hosts refuse longer ones. */
async function fitting(
  tx: Tx,
  networkId: string,
  set: readonly BlockWrite[],
): Promise<readonly BlockWrite[]> {
  if (set.length === 0) return set;
  const [row] = await tx<{ running: number }[]>`
    select count(*) as running from block where network_id = ${networkId} and removed_at is null`;
  const room = MAX_BLOCK_LIST_ENTRIES - (row?.running ?? 0);
  return room >= set.length ? set : set.slice(0, Math.max(0, room));
}

interface At {
  readonly networkId: string;
  readonly version: number;
  readonly now: Date;
}

async function writeBlocks(
  tx: Tx,
  { networkId, version, now }: At,
  set: readonly BlockWrite[],
): Promise<void> {
  if (set.length === 0) return;
  const column = <T>(pick: (block: BlockWrite) => T): T[] => set.map(pick);
  const sources = column((b) => b.source);
  await tx`
    insert into block (network_id, source, tier, reason, author, created_at, until_at, version)
    select ${networkId}, s::cidr, tier, reason, author, ${now}::timestamptz, until_at, ${version}
    from unnest(${sources}::text[], ${column((b) => b.tier)}::text[], ${column((b) => b.reason)}::text[],
      ${column((b) => b.author)}::text[], ${column((b) => isoOf(b.untilMs))}::timestamptz[])
      as b(s, tier, reason, author, until_at)
    on conflict (network_id, source) do update set
      tier = excluded.tier, reason = excluded.reason, author = excluded.author, until_at = excluded.until_at,
      version = excluded.version, removed_at = null,
      times = block.times + case when block.removed_at is null then 0 else 1 end,
      created_at = case when block.removed_at is null then block.created_at else excluded.created_at end`;
}

async function liftBlocks(tx: Tx, { networkId, version, now }: At, lift: readonly Source[]): Promise<void> {
  if (lift.length === 0) return;
  await tx`
    update block set removed_at = ${now}, version = ${version}
    where network_id = ${networkId} and source = any(${[...lift]}::text[]::cidr[]) and removed_at is null`;
}
