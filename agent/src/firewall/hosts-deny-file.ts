import { randomBytes } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { constants, type FileHandle, lstat, open, realpath, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from '../uplink/state-file.ts';
import { FirewallError } from './firewall.ts';

/** Mode of a file that was not there: every service reads it, and only its owner writes. */
const NEW_MODE = 0o644;

/** So often a change is tried again because somebody else wrote in the meantime. */
const MOST_TRIES = 5;

/** A file as it is now. Characters are bytes (latin1), since others may have written anything. */
export interface Found {
  /** Where it really is, behind symlinks. */
  readonly path: string;
  readonly text: string | undefined;
  readonly stats: BigIntStats | undefined;
}

/** Reads the file; one that is not there has no text. */
export async function readFound(file: string): Promise<Found> {
  try {
    const path = await realpath(file);
    // To open some devices does something already, and a socket cannot be.
    mustBeFile(file, await stat(path, { bigint: true }));
    // Whatever stands there meanwhile is not waited for.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stats = await handle.stat({ bigint: true });
      mustBeFile(file, stats);
      return { path, text: await handle.readFile('latin1'), stats };
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw refusal(file, error);
    if (await isLink(file)) throw new FirewallError(`${file} is a symbolic link that leads nowhere`);
    return { path: file, text: undefined, stats: undefined };
  }
}

/** Why the file can never be one of TCP wrappers: something else stands in its place. */
export async function whyNoFile(file: string): Promise<string | undefined> {
  const stats = await stat(file, { bigint: true }).catch(() => undefined);
  return stats === undefined || stats.isFile() ? undefined : `${file} is no file but ${kindOf(stats)}`;
}

function mustBeFile(file: string, stats: BigIntStats): void {
  if (!stats.isFile()) throw new FirewallError(`${file} is no file but ${kindOf(stats)}`);
}

function kindOf(stats: BigIntStats): string {
  if (stats.isDirectory()) return 'a folder';
  if (stats.isFIFO()) return 'a pipe';
  return stats.isSocket() ? 'a socket' : 'a device';
}

/**
 * Replaces the file by what `change` makes of it, whole or not at all: TCP wrappers refuse everybody when they read a last
 * line without its newline. Mode and owner stay. What others write meanwhile is read again.
 *
 * @returns whether anything was written
 */
export async function changeFile(
  file: string,
  change: (text: string | undefined) => string | undefined,
): Promise<boolean> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const found = await readFound(file);
    const text = change(found.text);
    if (text === found.text) return false;
    try {
      if (await place(found, text)) return true;
    } catch (error) {
      throw refusal(file, error);
    }
  }
  throw new FirewallError(`${file} is being changed by others again and again`);
}

/** Why the file cannot be replaced by this process; undefined when it can. Leaves nothing behind. */
export async function whyNotWritable(file: string): Promise<string | undefined> {
  try {
    const found = await readFound(file);
    await withTemporary(found, '', async () => {});
    return undefined;
  } catch (error) {
    return refusal(file, error).message;
  }
}

async function place(found: Found, text: string | undefined): Promise<boolean> {
  if (text === undefined) return removeFile(found);
  return withTemporary(found, text, async (temporary) => {
    if (!(await isUnchanged(found))) return false;
    await rename(temporary, found.path);
    await syncFolder(dirname(found.path));
    return true;
  });
}

async function removeFile(found: Found): Promise<boolean> {
  if (!(await isUnchanged(found))) return false;
  await unlink(found.path);
  await syncFolder(dirname(found.path));
  return true;
}

/** A file beside the real one, with its mode and owner, for as long as the call runs. */
async function withTemporary<T>(
  { path, stats }: Found,
  text: string,
  call: (temporary: string) => Promise<T>,
): Promise<T> {
  const temporary = `${path}.picket-${randomBytes(6).toString('hex')}`;
  const handle = await open(temporary, 'wx', 0o600);
  try {
    await fill(handle, text, stats).finally(() => handle.close());
    return await call(temporary);
  } finally {
    await unlink(temporary).catch(() => {}); // gone already when it was renamed
  }
}

async function fill(handle: FileHandle, text: string, stats: BigIntStats | undefined): Promise<void> {
  await handle.writeFile(text, 'latin1');
  // The mode first: whoever gave a file away may not change it any more.
  await handle.chmod(stats === undefined ? NEW_MODE : Number(stats.mode & 0o7777n));
  const own = await handle.stat({ bigint: true });
  if (stats !== undefined && (own.uid !== stats.uid || own.gid !== stats.gid))
    await handle.chown(Number(stats.uid), Number(stats.gid));
  await handle.sync();
}

async function isUnchanged({ path, stats }: Found): Promise<boolean> {
  const now = await lstat(path, { bigint: true }).catch(() => undefined);
  return (
    now?.ino === stats?.ino &&
    now?.size === stats?.size &&
    now?.mtimeNs === stats?.mtimeNs &&
    now?.ctimeNs === stats?.ctimeNs
  );
}

async function isLink(file: string): Promise<boolean> {
  return lstat(file).then(
    (stats) => stats.isSymbolicLink(),
    () => false,
  );
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

/** What a person can do about it. */
function refusal(file: string, error: unknown): FirewallError {
  if (error instanceof FirewallError) return error;
  const message = `${file} cannot be changed (${codeOf(error) ?? (error as Error).message})`;
  const isForbidden = ['EACCES', 'EPERM', 'EROFS'].includes(codeOf(error) ?? '');
  const advice =
    ': the agent must be able to replace it in its folder. Run the installer again, which gives the agent a file of its own that this one names';
  return new FirewallError(`${message}${isForbidden ? advice : ''}`, { cause: error });
}
