import { randomUUID } from 'node:crypto';
import {
  appendFileSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseError } from '../errors.ts';
import { isAlive } from './postmaster.ts';
import { type Account, RUN_TIMEOUT_MS, run } from './process.ts';
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
 * library). It is made beside its place and renamed: an interrupted start leaves no half of one. Of several that start
 * at once one makes it ({@link isBeingMade}), and should two begin in the same instant, one wins.
 */
export async function makeCluster(
  programs: string,
  cluster: string,
  account: Account | undefined,
): Promise<void> {
  const draft = `${cluster}.${process.pid}.${randomUUID()}`;
  mkdirSync(draft, { mode: 0o700 });
  if (account !== undefined) chownSync(draft, account.uid, account.gid);
  try {
    await initialise(programs, draft, account);
    renameSync(draft, cluster);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (clusterMajor(cluster) === undefined) throw error;
  }
}

async function initialise(programs: string, folder: string, account: Account | undefined): Promise<void> {
  const { status, stderr } = await run({
    argv: [join(programs, 'initdb'), ...initArguments(folder)],
    account,
  });
  if (status !== 0) {
    throw new DatabaseError('init_failed', `initdb could not make a database in ${folder}: ${stderr.trim()}`);
  }
  appendFileSync(join(folder, 'postgresql.conf'), `\n# Picket\n${settingsFile(CLUSTER_SETTINGS)}`);
  writeFileSync(join(folder, 'pg_hba.conf'), ACCESS_RULES);
}

/** Whether a living process makes the cluster now. What was left by one that was killed is removed. */
export function isBeingMade(cluster: string): boolean {
  const folder = dirname(cluster);
  const drafts = readdirSync(folder).filter((name) => DRAFT.test(name));
  const live = drafts.filter((name) => isLive(folder, name));
  for (const name of drafts.filter((draft) => !live.includes(draft))) {
    rmSync(join(folder, name), { recursive: true, force: true });
  }
  return live.length > 0;
}

/** `data.`, process id of the maker, and something of its own. */
const DRAFT = /^data\.(\d+)\./;

/** The age bounds what a process id can mean: by then another program may have it. */
function isLive(folder: string, name: string): boolean {
  const stats = statSync(join(folder, name), { throwIfNoEntry: false });
  const pid = Number(DRAFT.exec(name)?.[1]);
  return stats !== undefined && isAlive(pid) && Date.now() - stats.mtimeMs < RUN_TIMEOUT_MS;
}

function initArguments(folder: string): string[] {
  const fixed = ['--encoding=UTF8', '--locale=C', '--data-checksums', '--auth=trust', '--no-instructions'];
  return [`--pgdata=${folder}`, `--username=${OWNER}`, ...fixed];
}
