import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { foldersOf } from '../embedded/folders.ts';
import { isAlive, parsePostmaster, postmasterFile } from '../embedded/postmaster.ts';
import { stopServer } from '../embedded/server.ts';

/** Name of a run's folder: the process id of the test runner makes it, and tells whether the run still lives. */
const RUN_FOLDER = /^picket-test-(\d+)$/;

/** Makes the folder of this run; two projects of one run share it. */
export function makeRunFolder(): string {
  const folder = join(tmpdir(), `picket-test-${process.pid}`);
  mkdirSync(folder, { recursive: true, mode: 0o711 });
  chmodSync(folder, 0o711); // the server's user passes through it, whatever the umask
  return folder;
}

/** Stops the server of a run, if it started one, and removes its folder. */
export async function removeRunFolder(folder: string): Promise<void> {
  if (!existsSync(folder)) return;
  const server = parsePostmaster(postmasterFile(foldersOf(folder).cluster) ?? '');
  if (server !== undefined && isAlive(server.pid)) await stopServer(server);
  rmSync(folder, { recursive: true, force: true });
}

/** Removes what runs left that were killed. */
export async function sweepRunFolders(): Promise<void> {
  for (const name of readdirSync(tmpdir())) {
    const pid = RUN_FOLDER.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) await removeRunFolder(join(tmpdir(), name));
  }
}
