import { uuid7Schema } from '@picket/protocol';
import { LIST_CHANNEL } from './list-change.ts';
import type { Sql } from './sql.ts';

/** Who is told of changed lists. */
export interface ListListener {
  /** The list of this network has changed. */
  changed(networkId: string): void;
  /** The connection is new: whatever was said before it was lost. */
  connected(): void;
}

/**
 * Listens for changed lists on a connection of its own, which is made again when it is lost. Never needed for
 * correctness: poolers do not pass NOTIFY on.
 *
 * @returns ends the listening
 */
export async function listenForLists(sql: Sql, listener: ListListener): Promise<() => Promise<void>> {
  const { unlisten } = await sql.listen(
    LIST_CHANNEL,
    (payload) => {
      const networkId = uuid7Schema.safeParse(payload.split(' ', 1)[0]);
      if (networkId.success) listener.changed(networkId.data);
    },
    () => listener.connected(),
  );
  return async () => {
    await unlisten();
  };
}
