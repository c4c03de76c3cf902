import { access, constants, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from './errors.ts';
import { StateError, stateFault } from './state-fault.ts';
import { makePrivateFolder } from './state-file.ts';

/** What an agent keeps in its state folder, and what it has folders for. */
const FILES = [
  ...['identity.jwk', 'identity-next.jwk', 'identity-new.jwk', 'enrolment.json'],
  ...['blocks.json', 'block-list.json'],
  ...['pause.json', 'lifted.json', 'allowed.json', 'offences.json', 'history.jsonl', 'history.jsonl.1'],
];
const FOLDERS = ['spool', 'rejected'];

/**
 * Makes the state folder, and sees to it that all in it can be used, before anything is started: an agent that finds out
 * later would have begun by half.
 *
 * @throws StateError that names the path and says what to do
 */
export async function openStateFolder(folder: string): Promise<void> {
  await makePrivateFolder(folder);
  await mustBe('folder', folder);
  for (const name of FILES) await mustBe('file', join(folder, name));
  for (const name of FOLDERS) await mustBe('folder', join(folder, name));
}

/** A path that is not there yet is in order, too. */
async function mustBe(what: 'file' | 'folder', path: string): Promise<void> {
  try {
    const found = await stat(path);
    if (what === 'folder' ? !found.isDirectory() : !found.isFile())
      throw new StateError(...wrongKind(path, what));
    const { R_OK, W_OK, X_OK } = constants;
    await access(path, what === 'folder' ? R_OK | W_OK | X_OK : R_OK | W_OK);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw stateFault(path, error);
  }
}

function wrongKind(path: string, wanted: 'file' | 'folder'): [code: string, message: string] {
  const code = wanted === 'file' ? 'EISDIR' : 'ENOTDIR';
  return [
    code,
    `${path}: it must be a ${wanted}, and something else is in its place; move that away (${code})`,
  ];
}
