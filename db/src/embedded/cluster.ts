import {
  appendFileSync,
  chownSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseError } from '../errors.ts';
import { type Account, run } from './process.ts';
import { ACCESS_RULES, CLUSTER_SETTINGS, settingsFile } from './settings.ts';

/** Superuser of the private cluster, and the name of the database in it. */
export const OWNER = 'picket';

/** Major version that made the cluster, or undefined when there is none. */
export function clusterMajor(cluster: string): number | undefined {
  const file = join(cluster, 'PG_VERSION');
  return existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8'), 10) : undefined;
}

/**
 * Makes a cluster with page checksums, UTF-8 and the C locale (the same order everywhere, whatever the system's C
 * library). It is made beside its place and renamed: an interrupted start leaves no half of one, and of two that
 * start at once one wins.
 */
export async function makeCluster(
  programs: string,
  cluster: string,
  account: Account | undefined,
): Promise<void> {
  const draft = `${cluster}.${process.pid}.${Date.now()}`;
  const { status, stderr } = await run({
    argv: [join(programs, 'initdb'), ...initArguments(draft)],
    account,
  });
  if (status !== 0) {
    rmSync(draft, { recursive: true, force: true });
    throw new DatabaseError('init_failed', `initdb could not make a database in ${draft}: ${stderr.trim()}`);
  }
  appendFileSync(join(draft, 'postgresql.conf'), `\n# Picket\n${settingsFile(CLUSTER_SETTINGS)}`);
  writeFileSync(join(draft, 'pg_hba.conf'), ACCESS_RULES);
  if (account !== undefined) chownSync(join(draft, 'pg_hba.conf'), account.uid, account.gid);
  try {
    renameSync(draft, cluster);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (clusterMajor(cluster) === undefined) throw error;
  }
}

function initArguments(folder: string): string[] {
  const fixed = ['--encoding=UTF8', '--locale=C', '--data-checksums', '--auth=trust', '--no-instructions'];
  return [`--pgdata=${folder}`, `--username=${OWNER}`, ...fixed];
}
