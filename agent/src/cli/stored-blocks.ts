import { rm } from 'node:fs/promises';
import { type BlockEntry, MAX_SHARED_BLOCK_MS, overlaps, type Source } from '@picket/protocol';
import { type BookedBlock, bookPath, formatBook, parseBook, parseEnded } from '../blocks/book.ts';
import type { Policy } from '../policy/policy.ts';
import { stderrLog } from '../report/log.ts';
import { readSavedList } from '../uplink/list-file.ts';
import { readFileIfThere, replaceFile } from '../uplink/state-file.ts';
import { openStanceFiles } from './people.ts';

/** What an agent would put in force at its start, of a network or of all. */
export interface StoredBlocks {
  readonly local: readonly BookedBlock[];
  readonly shared: readonly BlockEntry[];
  /** Takes them out of what an agent reads at its start. */
  lift(): Promise<void>;
}

/** Reads the blocks that are kept while no agent runs: those that overlap a network, or all. */
export async function storedBlocks(policy: Policy, network?: Source): Promise<StoredBlocks> {
  const { state_dir } = policy;
  const path = bookPath(state_dir);
  const isMeant = (source: Source) => network === undefined || overlaps(network, source);
  const text = (await readFileIfThere(path)) ?? '[]';
  const book = parseBook(text) ?? [];
  const local = book.filter(({ source }) => isMeant(source));
  const shared = ((await readSavedList(state_dir))?.entries ?? []).filter(([source]) => isMeant(source));
  const rest = new Map(book.filter((each) => !local.includes(each)).map((each) => [each.source, each]));
  return {
    local,
    shared,
    async lift() {
      // On a full disk the book goes whole: the next agent must not put its blocks back.
      if (local.length > 0)
        await replaceFile(path, formatBook(rest, parseEnded(text))).catch(() => rm(path, { force: true }));
      if (shared.length === 0) return;
      const { lifted } = await openStanceFiles(policy, stderrLog('warn'));
      // What the collector's clock says nobody knows now: no block lasts longer than this.
      const hostUntilMs = Date.now() + MAX_SHARED_BLOCK_MS;
      await lifted.add(shared.map((entry) => ({ entry, hostUntilMs })));
    },
  };
}
