import type { Tx } from './sql.ts';

/** Most characters kept of a text that others wrote: more than a mail shows of it. */
export const MAX_TEXT = 200;

/** A `timestamptz` column as Unix ms. The name of the column is ours, never data. */
export const epochMs = (tx: Tx, column: string) =>
  tx`(extract(epoch from ${tx.unsafe(column)}) * 1000)::int8`;

/** A row `k` of `block` as a digest's facts hold it. */
export const blockObject = (tx: Tx) => tx`jsonb_build_object(
  'source', k.source::text, 'tier', k.tier, 'reason', left(k.reason, ${MAX_TEXT}), 'author', left(k.author, ${MAX_TEXT}),
  'atMs', ${epochMs(tx, 'k.created_at')}, 'untilMs', ${epochMs(tx, 'k.until_at')},
  'removedMs', case when k.removed_at < k.until_at then ${epochMs(tx, 'k.removed_at')} end)`;
