import { createHash } from 'node:crypto';
import { chmodSync, chownSync, lstatSync, mkdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseError } from '../errors.ts';
import type { Account } from './process.ts';

/** Where the private database keeps its things. */
export interface Folders {
  /** Everything below is owned by the server's account, mode 0700. */
  readonly root: string;
  /** The cluster: PGDATA. */
  readonly cluster: string;
  /** Log files of the server, one per day of the week. */
  readonly logs: string;
  /** Programs copied from npm. */
  readonly programs: string;
}

/** Port that only names the socket file; nothing listens on it. */
export const SOCKET_PORT = 5432;

/** Least of the sizes of `sun_path` (unix(7): 108 with the final zero on Linux; 104 on the BSDs and macOS). */
const MAX_SOCKET_PATH_BYTES = 103;

/** Names below the data folder. */
export function foldersOf(dataDir: string): Folders {
  const root = join(dataDir, 'postgres');
  return {
    root,
    cluster: join(root, 'data'),
    logs: join(root, 'log'),
    programs: join(root, 'programs'),
  };
}

/** Makes the folders and gives them to the account. Throws `folder_closed` when the account could not reach them. */
export function makeFolders(dataDir: string, account: Account | undefined): Folders {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o755 });
    const folders = foldersOf(realpathSync(dataDir));
    openTo(account, dirname(folders.root));
    for (const folder of [folders.root, folders.logs]) makePrivate(folder, account);
    return folders;
  } catch (error) {
    if (error instanceof DatabaseError) throw error;
    throw new DatabaseError('folder_closed', `the data folder ${dataDir} cannot be used: ${error}`, error);
  }
}

/**
 * Folder of the Unix socket, made and private: in the data folder, or in the system's temporary folder where the
 * path would be longer than a socket's may be.
 */
export function makeSocketFolder(root: string, account: Account | undefined): string {
  const folder = socketFolderOf(root, realpathSync(tmpdir()));
  if (folder === undefined) {
    throw new DatabaseError(
      'path_too_long',
      `neither ${root} nor ${tmpdir()} is short enough for a Unix socket (${MAX_SOCKET_PATH_BYTES} bytes)`,
    );
  }
  makePrivate(folder, account);
  return folder;
}

/** The first folder whose socket path fits, or undefined. The second is named after the first: always the same. */
export function socketFolderOf(root: string, temporary: string): string | undefined {
  const name = createHash('sha256').update(root).digest('hex').slice(0, 16);
  return [join(root, 'run'), join(temporary, `picket-${name}`)].find(
    (folder) => Buffer.byteLength(join(folder, `.s.PGSQL.${SOCKET_PORT}`)) <= MAX_SOCKET_PATH_BYTES,
  );
}

/** A folder of the account's own. One that belongs to somebody else is refused: in a temporary folder anyone can make it. */
function makePrivate(folder: string, account: Account | undefined): void {
  const uid = account?.uid ?? process.getuid?.();
  if (mkdirIfMissing(folder) && account !== undefined) chownSync(folder, account.uid, account.gid);
  const found = lstatSync(folder);
  if (!found.isDirectory() || found.uid !== uid) {
    throw new DatabaseError(
      'folder_closed',
      `${folder} belongs to user ${found.uid}, but the database runs as user ${uid}`,
    );
  }
  if ((found.mode & 0o077) !== 0) chmodSync(folder, 0o700);
}

function mkdirIfMissing(folder: string): boolean {
  try {
    mkdirSync(folder, { mode: 0o700 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  }
}

/** Lets the account pass through root's own data folder, and names the folder above it that it cannot pass. */
function openTo(account: Account | undefined, dataDir: string): void {
  if (account === undefined) return;
  const own = statSync(dataDir);
  if (!canPass(own, account) && own.uid === 0 && own.gid === 0) {
    chownSync(dataDir, 0, account.gid);
    chmodSync(dataDir, (own.mode & 0o7707) | 0o010);
  }
  for (let folder = dataDir; ; folder = dirname(folder)) {
    if (!canPass(statSync(folder), account)) {
      throw new DatabaseError(
        'folder_closed',
        `user ${account.uid}, who the database runs as, cannot pass through ${folder}: choose another data folder, or run "chmod o+x ${folder}"`,
      );
    }
    if (folder === dirname(folder)) return;
  }
}

/** Whether a user without further groups may pass through a folder, by its mode. */
export function canPass({ uid, gid, mode }: Pick<Stats, 'uid' | 'gid' | 'mode'>, account: Account): boolean {
  if (uid === account.uid) return (mode & 0o100) !== 0;
  if (gid === account.gid) return (mode & 0o010) !== 0;
  return (mode & 0o001) !== 0;
}
