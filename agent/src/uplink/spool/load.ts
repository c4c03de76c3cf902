import type { Log } from '../../report/log.ts';
import type { BatchIndex } from './batch-index.ts';
import type { SpoolDisk } from './disk.ts';
import { decodeSegment, type Found } from './record.ts';
import { parseSegmentName, type Segments } from './segments.ts';

/** What a crash or a bad disk did to the files, as seen at start. */
export interface Repairs {
  /** Files whose torn end was cut off. */
  torn: number;
  /** Places with damage in the middle of a file, and files that cannot be read. */
  damaged: number;
}

/** What files are read into. */
export interface LoadInto {
  readonly disk: SpoolDisk;
  readonly index: BatchIndex;
  readonly segments: Segments;
  readonly log: Log;
}

/**
 * Reads the files of an earlier run into the index, oldest first and one at a time, and cuts off torn ends. A file that
 * cannot be read or mended is told; the others count all the same.
 *
 * @throws what the disk says when it cannot even name the files; nothing was read then
 */
export async function loadSegments(into: LoadInto): Promise<Repairs> {
  const repairs = { torn: 0, damaged: 0 };
  const names = (await into.disk.list()).filter((name) => parseSegmentName(name) !== undefined).sort();
  const taken = new Set<string>();
  for (const name of names) {
    into.segments.reserve(name);
    try {
      await loadOne(into, name, { repairs, taken });
    } catch (error) {
      repairs.damaged += 1;
      into.log.error('a file of the spool cannot be read; what waits in it is left there', { name, error });
    }
  }
  return repairs;
}

async function loadOne(
  { disk, index, segments, log }: LoadInto,
  name: string,
  { repairs, taken }: { repairs: Repairs; taken: Set<string> },
): Promise<void> {
  const bytes = await disk.read(name);
  const { found, goodBytes, damaged } = decodeSegment(bytes);
  repairs.damaged += damaged;
  if (goodBytes < bytes.length) {
    repairs.torn += 1;
    const cut = disk.truncate(name, goodBytes);
    // Nothing is written behind it but what a reader finds there.
    await cut.catch((error) => log.warn('a torn file of the spool cannot be mended', { name, error }));
  }
  const former = acknowledge(found, index, taken);
  await segments.adopt(name, goodBytes, indexLive(index, name, found, taken));
  for (const copy of former) await segments.settle(copy.name, copy.jti).catch(() => {});
}

/**
 * Acknowledgements count for all files: a write that failed half-way may have left a batch in two of them, and which of
 * the two was acknowledged is chance. Returns the copies in files before.
 */
function acknowledge(found: readonly Found[], index: BatchIndex, taken: Set<string>) {
  const copies: { name: string; jti: string }[] = [];
  for (const { record } of found) {
    if (record.kind !== 'ack') continue;
    taken.add(record.jti);
    const place = index.get(record.jti)?.place;
    if (place?.in === 'segment') copies.push({ name: place.name, jti: record.jti });
    index.delete(record.jti);
  }
  return copies;
}

function indexLive(
  index: BatchIndex,
  name: string,
  found: readonly Found[],
  taken: ReadonlySet<string>,
): string[] {
  const live: string[] = [];
  for (const { record, offset, length } of found) {
    if (record.kind === 'ack' || taken.has(record.batch.jti)) continue;
    const { jti, hasTrip } = record.batch;
    if (index.add({ jti, hasTrip, place: { in: 'segment', name, offset, length } })) live.push(jti);
  }
  return live;
}
