import { dropStaleDatabases } from './databases.ts';
import { makeRunFolder, removeAtExit, removeRunFolder, sweepRunFolders } from './run-folder.ts';

/**
 * Set-up of a test run: names the folder in which the first test that needs a database starts the server, and removes
 * both at the end. What an earlier, killed run left is removed first.
 */
export default async function setup(): Promise<() => Promise<void>> {
  await sweepRunFolders();
  const url = process.env.DATABASE_URL;
  if (url !== undefined) await dropStaleDatabases(url);
  const folder = makeRunFolder();
  removeAtExit(folder);
  process.env.PICKET_TEST_DIR = folder;
  return () => removeRunFolder(folder);
}
