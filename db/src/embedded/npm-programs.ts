import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { z } from 'zod';
import { npmPackage } from './pick.ts';
import { type Account, run } from './process.ts';

const linksSchema = z.array(z.object({ source: z.string(), target: z.string() }));

/**
 * Folder of PostgreSQL's programs from npm, ready to be run by the account; undefined when the package is not
 * installed. Two things are put right: the package expects its install script to make the links of its shared
 * libraries, which pnpm does not run; and a server without privileges cannot read a home folder of root's, so the
 * programs are copied to where it can.
 *
 * @param copyFolder takes the copy, one folder per version of the package
 */
export async function npmPrograms(
  account: Account | undefined,
  copyFolder: string,
  packageFolder = installedPackage(),
): Promise<string | undefined> {
  if (packageFolder === undefined) return undefined;
  const inPlace = join(packageFolder, 'native', 'bin');
  if (tryLinks(packageFolder) && (await runs(inPlace, account))) return inPlace;
  return join(copyPackage(packageFolder, copyFolder), 'native', 'bin');
}

async function runs(folder: string, account: Account | undefined): Promise<boolean> {
  return (await run({ argv: [join(folder, 'postgres'), '--version'], account })).status === 0;
}

/** Folder of the package for this machine. Looked for from this file, and, for a bundle elsewhere, from where this package's sources are. */
export function installedPackage(): string | undefined {
  const here = createRequire(import.meta.url);
  return (
    resolveFrom(here, npmPackage()) ??
    resolveFrom(createRequire(resolveFile(here, '@picket/db') ?? import.meta.url), npmPackage())
  );
}

function resolveFrom(require: NodeJS.Require, name: string): string | undefined {
  const file = resolveFile(require, name);
  return file === undefined ? undefined : dirname(dirname(file));
}

function resolveFile(require: NodeJS.Require, name: string): string | undefined {
  try {
    return require.resolve(name);
  } catch {
    return undefined;
  }
}

/** False when the folder cannot be written, as in a system-wide installation. */
function tryLinks(packageFolder: string): boolean {
  try {
    makeLinks(packageFolder);
    return true;
  } catch {
    return false;
  }
}

/** Makes the links that the package lists in `native/pg-symlinks.json`. */
function makeLinks(packageFolder: string): void {
  const list = join(packageFolder, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of linksSchema.parse(JSON.parse(readFileSync(list, 'utf8')))) {
    const link = join(packageFolder, target);
    const to = relative(dirname(link), join(packageFolder, source));
    if (!existsSync(link)) ignoreExisting(() => symlinkSync(to, link));
  }
}

/** Copies whole or not at all: beside the place first, then one rename. */
function copyPackage(packageFolder: string, copyFolder: string): string {
  const { version } = z
    .object({ version: z.string() })
    .parse(JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')));
  const place = join(copyFolder, version);
  if (existsSync(place)) return place;
  const draft = `${place}.${process.pid}`;
  mkdirSync(draft, { recursive: true, mode: 0o755 });
  cpSync(join(packageFolder, 'native'), join(draft, 'native'), {
    recursive: true,
    verbatimSymlinks: true, // else they would point back to where the account cannot read
    filter: (file) => !basename(file).endsWith('.a'),
  });
  makeLinks(draft);
  ignoreExisting(() => renameSync(draft, place));
  rmSync(draft, { recursive: true, force: true });
  return place;
}

/** Another process doing the same at the same time is as good. */
function ignoreExisting(act: () => void): void {
  try {
    act();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'EEXIST' && code !== 'ENOTEMPTY') throw error;
  }
}
