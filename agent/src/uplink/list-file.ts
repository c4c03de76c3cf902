import { join } from 'node:path';
import { blockEntrySchema, blockListClaimsSchema, sourceSchema, uuid7Schema } from '@picket/protocol';
import { z } from 'zod';
import type { Log } from '../report/log.ts';
import type { Enrolment } from './enrolment.ts';
import { type ListState, NO_LIST } from './list-state.ts';
import { parseJson, readFileIfThere, replaceFile } from './state-file.ts';

const savedSchema = z.object({
  networkId: uuid7Schema,
  collectorId: uuid7Schema,
  epoch: z.string().max(64).optional(),
  version: z.int().min(0),
  iat: z.number().min(0),
  digest: z.string().regex(/^[0-9a-f]{16}$/),
  entries: z.array(blockEntrySchema),
  allow: z.array(sourceSchema),
  hosts: z.array(sourceSchema).default([]),
  observe: blockListClaimsSchema.shape.observe,
});

/** Least time between two saves of a long list, ms: 100,000 entries are 6 MB, and what is not saved is asked for again. */
const SAVE_GAP_MS = 1_000;

/** Lists up to so many entries, 300 kB, are saved whenever they change. */
const SHORT = 5_000;

/** What was saved last, of whatever network; undefined when there is none, or it is damaged. */
export async function readSavedList(stateDir: string): Promise<z.infer<typeof savedSchema> | undefined> {
  const text = await readFileIfThere(pathOf(stateDir));
  return text === undefined ? undefined : savedSchema.safeParse(parseJson(text)).data;
}

const pathOf = (stateDir: string): string => join(stateDir, 'block-list.json');

/** Keeps the newest list in a file, so that a restart has it with the collector away. */
export interface ListFile {
  /** The saved list of the same network and collector; else none. */
  load(): Promise<ListState>;
  /**
   * Saves; of several in a row the last. Resolves when a short list is saved, so that none in force is newer than the one
   * that an agent finds which was killed; a long one is saved soon, and nobody waits for it.
   */
  save(state: ListState): Promise<void>;
  /** Saves now what is to be saved. */
  close(): Promise<void>;
}

/** The file `block-list.json` in the state folder. Faults are told in the log: the list in memory goes on to serve. */
export function openListFile(stateDir: string, enrolment: Enrolment, log: Log): ListFile {
  const path = pathOf(stateDir);
  const { networkId, collectorId } = enrolment;
  let waiting: ListState | undefined;
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();
  const write = async (): Promise<void> => {
    const state = waiting;
    if (state === undefined) return;
    waiting = undefined;
    const { epoch, version, iat, digest, allow, hosts, observe } = state;
    const saved = { networkId, collectorId, epoch, version, iat, digest, allow, hosts, observe };
    const text = JSON.stringify({ ...saved, entries: [...state.entries.values()] });
    await replaceFile(path, text).catch((error: unknown) =>
      log.error('the block list cannot be saved', { path, error }),
    );
  };
  const flush = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    writing = writing.then(write);
    return writing;
  };
  return {
    async load() {
      const text = await readFileIfThere(path);
      if (text === undefined) return NO_LIST;
      const parsed = savedSchema.safeParse(parseJson(text));
      if (!parsed.success) {
        log.warn('the saved block list is damaged; the whole is asked for again', { path });
        return NO_LIST;
      }
      const { entries, epoch, ...saved } = parsed.data;
      if (saved.networkId !== networkId || saved.collectorId !== collectorId) return NO_LIST;
      const { version, iat, digest, allow, hosts, observe } = saved;
      return {
        ...{ epoch, version, iat, digest, allow, hosts, observe },
        entries: new Map(entries.map((entry) => [entry[0], entry])),
      };
    },
    async save(state) {
      waiting = state;
      if (state.entries.size <= SHORT) return flush();
      timer ??= setTimeout(flush, SAVE_GAP_MS).unref();
    },
    close: flush,
  };
}
