import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DatabaseError } from '../errors.ts';
import { OLDEST_MAJOR } from '../server-version.ts';
import { npmPrograms } from './npm-programs.ts';
import { PROGRAM_FOLDERS, searchPath } from './pick.ts';
import { type Account, run } from './process.ts';

/** A folder with `postgres` and `initdb` that can be run. */
export interface Programs {
  readonly folder: string;
  readonly major: number;
}

/** What the programs must fit. */
export interface ProgramsWanted {
  readonly account: Account | undefined;
  /** Major version that made the cluster's files; undefined when there is no cluster yet. */
  readonly clusterMajor: number | undefined;
  /** Where programs of npm are copied when the account cannot reach them. */
  readonly copyFolder: string;
}

/**
 * The newest programs of the system that fit, else those of npm. A cluster runs only with the major version that
 * made it, so an upgrade of the system never touches its files unasked.
 */
export async function findPrograms(wanted: ProgramsWanted): Promise<Programs> {
  const onSystem = await Promise.all(systemFolders().map((folder) => probe(folder, wanted.account)));
  const chosen = choosePrograms(
    onSystem.filter((programs) => programs !== undefined),
    wanted.clusterMajor,
  );
  if (chosen !== undefined) return chosen;
  const npmFolder = await npmPrograms(wanted.account, wanted.copyFolder);
  const npm = npmFolder === undefined ? undefined : await probe(npmFolder, wanted.account);
  const fallback = choosePrograms(npm === undefined ? [] : [npm], wanted.clusterMajor);
  if (fallback !== undefined) return fallback;
  const version = wanted.clusterMajor ?? `${OLDEST_MAJOR} or newer`;
  throw new DatabaseError(
    'no_binaries',
    `no programs of PostgreSQL ${version} were found on this machine: install PostgreSQL, or set DATABASE_URL`,
  );
}

/** The newest of the programs that the project runs on, or those of the cluster's own major version. */
export function choosePrograms(
  found: readonly Programs[],
  clusterMajor: number | undefined,
): Programs | undefined {
  return found
    .filter(({ major }) => (clusterMajor === undefined ? major >= OLDEST_MAJOR : major === clusterMajor))
    .sort((a, b) => b.major - a.major)[0];
}

/** Major version in what `postgres --version` prints. */
export function majorVersion(text: string): number | undefined {
  const major = /^postgres \(PostgreSQL\) (\d+)/.exec(text)?.[1];
  return major === undefined ? undefined : Number(major);
}

/** The programs of a folder when the account can really run them. */
export async function probe(folder: string, account: Account | undefined): Promise<Programs | undefined> {
  const { status, stdout } = await run({ argv: [join(folder, 'postgres'), '--version'], account });
  const major = status === 0 ? majorVersion(stdout) : undefined;
  return major === undefined ? undefined : { folder, major };
}

function systemFolders(): string[] {
  const folders = [...searchPath(), ...PROGRAM_FOLDERS.flatMap(expand)]
    .filter((folder) => existsSync(join(folder, 'postgres')))
    .map((folder) => dirname(realpathSync(join(folder, 'postgres'))))
    .filter((folder) => existsSync(join(folder, 'initdb')));
  return [...new Set(folders)];
}

/** Folders that match a pattern with one `*` in one of its parts. */
function expand(pattern: string): string[] {
  const parts = pattern.split('/');
  const star = parts.findIndex((part) => part.includes('*'));
  const parent = parts.slice(0, star).join('/');
  const [before = '', after = ''] = (parts[star] ?? '').split('*');
  if (!existsSync(parent)) return [];
  return readdirSync(parent)
    .filter((name) => basename(name).startsWith(before) && name.endsWith(after))
    .map((name) => [parent, name, ...parts.slice(star + 1)].join('/'));
}
