import { bookPath } from '../blocks/book.ts';
import type { HostEvent } from '../report/events.ts';
import { historyPath, openHistory } from '../report/history.ts';
import { SILENT_LOG } from '../report/log.ts';
import { readFileIfThere } from '../uplink/state-file.ts';

/** Writes what a person did while no agent runs into the history, on a host that has had an agent. */
export async function remember(stateDir: string, events: readonly Omit<HostEvent, 'atMs'>[]): Promise<void> {
  if ((await readFileIfThere(bookPath(stateDir))) === undefined) return;
  const history = await openHistory({ path: historyPath(stateDir), log: SILENT_LOG });
  const atMs = Date.now();
  for (const event of events) history.add({ atMs, ...event });
  await history.flush();
}
