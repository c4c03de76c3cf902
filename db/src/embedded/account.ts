import { existsSync, statSync } from 'node:fs';
import { DatabaseError } from '../errors.ts';
import { foldersOf } from './folders.ts';
import { type Account, run } from './process.ts';

/** Users a server may run as, best first: PostgreSQL refuses to run as root. FreeBSD and Solaris name it as Linux does. */
const USERS = ['postgres', 'nobody'] as const;

/**
 * The account the server runs as: undefined (this process's own) when it has no privileges, else the owner of the
 * database's folder or of the data folder around it, else the first of the known users.
 */
export async function serverAccount(dataDir: string): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  for (const folder of [foldersOf(dataDir).root, dataDir]) {
    if (!existsSync(folder)) continue;
    const { uid, gid } = statSync(folder);
    if (uid !== 0) return { uid, gid };
  }
  for (const user of USERS) {
    const account = await lookUp(user);
    if (account !== undefined) return account;
  }
  throw new DatabaseError(
    'no_account',
    `started as root, which PostgreSQL refuses, and there is no user ${USERS.join(' or ')} to run the server as`,
  );
}

async function lookUp(user: string): Promise<Account | undefined> {
  const [uid, gid] = await Promise.all([
    run({ argv: ['id', '-u', user] }),
    run({ argv: ['id', '-g', user] }),
  ]);
  if (uid.status !== 0 || gid.status !== 0) return undefined;
  const account = { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  return Number.isInteger(account.uid) && Number.isInteger(account.gid) && account.uid > 0
    ? account
    : undefined;
}
