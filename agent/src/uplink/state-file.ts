import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { z } from 'zod';
import { codeOf } from './errors.ts';
import { stateFault } from './state-fault.ts';

/** Makes what was created, renamed or removed in a folder survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Makes a folder that only its owner can enter, with its parents; one that exists is left as it is.
 *
 * @throws StateError that names it, as all of these do
 */
export async function makePrivateFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error) => {
    throw stateFault(folder, error);
  });
}

/** Writes a file that only its owner can read: after a crash there is the whole old one or the whole new one. */
export async function replaceFile(path: string, text: string): Promise<void> {
  await viaTemporary(path, text, (temporary) => rename(temporary, path));
}

/**
 * Like {@link replaceFile}, but never over a file that is there: of two writers one wins.
 *
 * @returns false when the file was there
 */
export async function createFile(path: string, text: string): Promise<boolean> {
  try {
    await viaTemporary(path, text, (temporary) => link(temporary, path));
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** A file on its way to its place, as {@link viaTemporary} names it. */
const TEMPORARY = /\.[0-9a-f]{12}\.tmp$/;

/** Removes what writers left half-way that were killed. Only whoever has the folder to itself may call it. */
export async function removeHalfWritten(folder: string): Promise<void> {
  const left = (await readdir(folder)).filter((name) => TEMPORARY.test(name));
  await Promise.all(left.map((name) => unlink(join(folder, name))));
}

/** Text of a file, or undefined when there is none. */
export async function readFileIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw stateFault(path, error);
  }
}

/** Value of a JSON text, or undefined when it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What a file of the state folder held; one that is damaged is told, and taken for none. */
export function parseSaved<T>(
  schema: z.ZodType<T>,
  text: string | undefined,
  damaged: (() => void) | undefined,
): T | undefined {
  if (text === undefined) return undefined;
  const saved = schema.safeParse(parseJson(text));
  if (!saved.success) damaged?.();
  return saved.data;
}

async function viaTemporary(
  path: string,
  text: string,
  place: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await writeSynced(temporary, text);
    await place(temporary);
    await syncFolder(dirname(path));
  } catch (error) {
    throw stateFault(path, error);
  } finally {
    await unlink(temporary).catch(() => {}); // gone already when it was renamed
  }
}

async function writeSynced(path: string, text: string): Promise<void> {
  const handle = await open(path, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
