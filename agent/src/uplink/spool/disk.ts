import { open, readdir, readFile, truncate, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../errors.ts';
import { makePrivateFolder, removeHalfWritten, replaceFile, syncFolder } from '../state-file.ts';

/** The files of a spool. Each verb throws what the machine says (`ENOSPC`, `EIO`, …). */
export interface SpoolDisk {
  /** Names of the files there. */
  list(): Promise<string[]>;
  read(name: string): Promise<Buffer>;
  /** A part of a file; shorter when the file ends before. */
  readPart(name: string, offset: number, length: number): Promise<Buffer>;
  /** Appends; with `durable` it returns when a power cut can no longer take the bytes or the new file's name. */
  append(name: string, bytes: Buffer, durable: boolean): Promise<void>;
  /** Writes a file anew: after a crash there is the whole old one or the whole new one. */
  replace(name: string, text: string): Promise<void>;
  truncate(name: string, sizeBytes: number): Promise<void>;
  /** Removes a file; one that is gone already is no fault. */
  remove(name: string): Promise<void>;
}

/**
 * A spool's files in a folder of their own, which only the agent's user can enter. It is made when its files are listed:
 * a disk that does not allow that is a fault of the spool, which tries again, and not of the agent.
 */
export function openSpoolFolder(folder: string): SpoolDisk {
  const named = new Set<string>();
  return {
    async list() {
      await makePrivateFolder(folder);
      return readdir(folder);
    },
    read: (name) => readFile(join(folder, name)),
    async replace(name, text) {
      await removeHalfWritten(folder);
      await replaceFile(join(folder, name), text);
    },
    truncate: (name, sizeBytes) => truncate(join(folder, name), sizeBytes),
    async readPart(name, offset, length) {
      const handle = await open(join(folder, name), 'r');
      try {
        const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, offset);
        return buffer.subarray(0, bytesRead);
      } finally {
        await handle.close();
      }
    },
    async append(name, bytes, durable) {
      const handle = await open(join(folder, name), 'a', 0o600);
      try {
        await handle.writeFile(bytes);
        if (durable) await handle.datasync();
      } finally {
        await handle.close();
      }
      if (!durable || named.has(name)) return;
      await syncFolder(folder);
      named.add(name);
    },
    async remove(name) {
      named.delete(name);
      await unlink(join(folder, name)).catch((error: unknown) => {
        if (codeOf(error) !== 'ENOENT') throw error;
      });
    },
  };
}
