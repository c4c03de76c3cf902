import type { BatchIndex } from './batch-index.ts';
import type { SpoolDisk } from './disk.ts';
import { decodeSegment, type Found } from './record.ts';
import { parseSegmentName, type Segments } from './segments.ts';

/** What a crash or a bad disk did to the files, as seen at start. */
export interface Repairs {
  /** Files whose torn end was cut off. */
  torn: number;
  /** Places with damage in the middle of a file. */
  damaged: number;
}

/** Reads the files of an earlier run into the index, oldest first, and cuts off torn ends. */
export async function loadSegments(disk: SpoolDisk, index: BatchIndex, segments: Segments): Promise<Repairs> {
  const repairs = { torn: 0, damaged: 0 };
  const names = (await disk.list()).filter((name) => parseSegmentName(name) !== undefined).sort();
  const files: { name: string; sizeBytes: number; found: readonly Found[] }[] = [];
  for (const name of names) {
    const bytes = await disk.read(name);
    const { found, goodBytes, damaged } = decodeSegment(bytes);
    repairs.damaged += damaged;
    if (goodBytes < bytes.length) {
      repairs.torn += 1;
      await disk.truncate(name, goodBytes);
    }
    files.push({ name, sizeBytes: goodBytes, found: withoutText(found) });
  }
  const taken = acknowledged(files.flatMap((file) => file.found));
  for (const { name, sizeBytes, found } of files) {
    await segments.adopt(name, sizeBytes, indexLive(index, name, found, taken));
  }
  return repairs;
}

/** Acknowledgements count for all files: a write that failed half-way may have left a batch in two of them. */
function acknowledged(found: readonly Found[]): Set<string> {
  const taken = new Set<string>();
  for (const { record } of found) if (record.kind === 'ack') taken.add(record.jti);
  return taken;
}

/** The records without the batches' text, which stays on disk. */
function withoutText(found: readonly Found[]): Found[] {
  return found.map((each) =>
    each.record.kind === 'ack'
      ? each
      : { ...each, record: { kind: 'batch', batch: { ...each.record.batch, jws: '' } } },
  );
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
