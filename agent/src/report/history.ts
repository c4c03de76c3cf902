import { appendFile, open, rename, stat } from 'node:fs/promises';
import type { Source } from '@picket/protocol';
import { parseJson, readFileIfThere } from '../uplink/state-file.ts';
import { type HostEvent, hostEventSchema } from './events.ts';
import type { Log } from './log.ts';

/** What happened on a host, over restarts: blocks, their ends, pauses; not each probe. */
export interface History {
  /** Adds an event; never throws, never waits. Probes are left out. */
  add(event: HostEvent): void;
  /** Resolves when all that was added is in the file. */
  flush(): Promise<void>;
}

/** Where the history of a host is. The older half is beside it, with `.1` behind the name. */
export const historyPath = (stateDir: string): string => `${stateDir}/history.jsonl`;

/** Size at which the file becomes the older half, bytes: two of them hold some 10,000 events. */
const MAX_BYTES = 1024 * 1024;

/** Most events that wait for the disk. */
const MAX_WAITING = 2_000;

/** What a history works with. */
export interface HistoryOptions {
  readonly path: string;
  readonly log: Log;
  readonly maxBytes?: number;
}

/** Opens the history for appending. A line that a crash cut in half is closed, so that it spoils no other. */
export async function openHistory({ path, log, maxBytes = MAX_BYTES }: HistoryOptions): Promise<History> {
  let size = await closeTornLine(path);
  let [waiting, lost]: [string[], number] = [[], 0];
  let [writing, isFailing] = [Promise.resolve(), false];
  const write = async (): Promise<void> => {
    const lines = waiting;
    waiting = [];
    if (lines.length === 0) return;
    if (size >= maxBytes) await rename(path, `${path}.1`);
    if (size >= maxBytes) size = 0;
    const text = lines.join('');
    await appendFile(path, text, { mode: 0o600 }).catch((error: unknown) => {
      lost += lines.length;
      throw error;
    });
    size += Buffer.byteLength(text);
    isFailing = false;
  };
  const flush = (): Promise<void> => {
    writing = writing.then(write).catch((error: unknown) => {
      if (!isFailing) log.error('the history cannot be written', { path, error });
      isFailing = true;
    });
    return writing;
  };
  return {
    add(event) {
      if (event.event === 'probe') return;
      if (waiting.length >= MAX_WAITING) {
        lost++;
        return;
      }
      // After a loss two lines come at once: what matters is whether a flush is on its way.
      const wasEmpty = waiting.length === 0;
      if (lost > 0)
        waiting.push(lineOf({ atMs: event.atMs, event: 'lost', why: 'the disk was slow', count: lost }));
      lost = 0;
      waiting.push(lineOf(event));
      if (wasEmpty) void flush();
    },
    flush,
  };
}

const lineOf = (event: HostEvent): string => `${JSON.stringify(event)}\n`;

/** @returns the size of the file, bytes */
async function closeTornLine(path: string): Promise<number> {
  const size = (await stat(path).catch(() => undefined))?.size ?? 0;
  if (size === 0) return 0;
  const handle = await open(path, 'r+');
  try {
    const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
    if (buffer[0] === 0x0a) return size;
    await handle.write('\n', size);
    return size + 1;
  } finally {
    await handle.close();
  }
}

/** Events of a text of lines, oldest first; lines that are none are left out. */
export function parseHistory(text: string): HostEvent[] {
  return text
    .split('\n')
    .flatMap((line) => (line === '' ? [] : (hostEventSchema.safeParse(parseJson(line)).data ?? [])));
}

/** Events that concern every source. */
const FOR_ALL: ReadonlySet<HostEvent['event']> = new Set(['lift', 'mode']);

/** What the history says of a source, oldest first: its own events, and those that concern all. */
export async function readHistory(path: string, source: Source, most = 50): Promise<HostEvent[]> {
  const texts = await Promise.all([readFileIfThere(`${path}.1`), readFileIfThere(path)]);
  const events = texts.flatMap((text) => parseHistory(text ?? ''));
  return events.filter((event) => event.source === source || FOR_ALL.has(event.event)).slice(-most);
}
