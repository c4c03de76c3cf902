import { join } from 'node:path';
import { type Address, addressSchema } from '@picket/protocol';
import { z } from 'zod';
import { parseJson } from '../uplink/state-file.ts';

/** The last good answers of names, over restarts. */
export interface NameFile {
  get(name: string): readonly Address[];
  /** Keeps an answer; it is written in the background. */
  set(name: string, addresses: readonly Address[]): void;
}

/** Where the last good answers of the names of a policy are kept. */
export const namesPath = (stateDir: string): string => join(stateDir, 'names.json');

const fileSchema = z.record(z.string().max(253), z.array(addressSchema).max(64));

interface NameFileDeps {
  readonly load?: () => Promise<string | undefined>;
  readonly save?: (text: string) => Promise<void>;
  readonly log: (message: string) => void;
}

/** Opens the file; one that is damaged or cannot be read counts as empty, since all of it can be asked for again. */
export async function openNameFile({ load, save, log }: NameFileDeps): Promise<NameFile> {
  const text = await load?.().catch(
    (error: Error) => void log(`the names of before cannot be read: ${error.message}`),
  );
  const answers = new Map(Object.entries(fileSchema.safeParse(parseJson(text ?? '')).data ?? {}));
  let [isWriting, isDirty] = [false, false];
  const write = async (): Promise<void> => {
    while (isDirty) {
      isDirty = false;
      await save?.(`${JSON.stringify(Object.fromEntries(answers))}\n`).catch((error: Error) =>
        log(`the names would not survive a restart: ${error.message}`),
      );
    }
    isWriting = false;
  };
  return {
    get: (name) => answers.get(name) ?? [],
    set(name, addresses) {
      answers.set(name, [...addresses]);
      isDirty = true;
      if (isWriting) return;
      isWriting = true;
      void write();
    },
  };
}
