import { type Command, type Outcome, RunError, type Runner } from '../run/runner.ts';
import type { SessionHost } from './session-host.ts';
import { logindHosts, SESSION_PROPERTIES, sessionIds } from './session-logind.ts';
import { whoHosts } from './session-who.ts';

/** Hosts of sessions, or in words why they are not known. `absent`: this system has no such list. */
export type SessionList = { ok: true; hosts: SessionHost[] } | { ok: false; why: string } | 'absent';

/** How often logind is asked anew when a session ended between the list and the question for it. */
const TRIES = 3;

const LIST = ['loginctl', 'list-sessions', '--no-legend', '--no-pager'] as const;
const SHOW = [
  'loginctl',
  'show-session',
  '--no-pager',
  ...SESSION_PROPERTIES.map((name) => `--property=${name}`),
] as const;

/** Sessions of logind. */
export async function readLogind(run: Runner, tries = TRIES): Promise<SessionList> {
  const list = await tried(run, { argv: LIST });
  if (list === 'absent') return 'absent';
  // Installed, but this machine was not booted with it: there are no sessions of it.
  if (/not been booted with systemd/.test(list.stderr)) return 'absent';
  if (list.status !== 0) return { ok: false, why: wordsOf(list) };
  const ids = sessionIds(list.stdout);
  if (ids.length === 0) return { ok: true, hosts: [] };
  const shown = await tried(run, { argv: [...SHOW, '--', ...ids] });
  if (shown === 'absent') return 'absent';
  if (shown.status === 0) return { ok: true, hosts: logindHosts(shown.stdout) };
  // It stops at the first session that is gone, and does not show those after it.
  return tries > 1 ? readLogind(run, tries - 1) : { ok: false, why: wordsOf(shown) };
}

/** Sessions of `who`. GNU's `--ips` gives the address that sshd noted beside a name; other systems have no such option. */
export async function readWho(run: Runner): Promise<SessionList> {
  const ips = await tried(run, { argv: ['who', '--ips'] });
  if (ips === 'absent') return 'absent';
  if (ips.status === 0) return { ok: true, hosts: whoHosts(ips.stdout) };
  const plain = await tried(run, { argv: ['who'] });
  if (plain === 'absent') return 'absent';
  return plain.status === 0
    ? { ok: true, hosts: whoHosts(plain.stdout) }
    : { ok: false, why: wordsOf(plain) };
}

async function tried(run: Runner, command: Command): Promise<Outcome | 'absent'> {
  try {
    return await run(command);
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    return error.code === 'not_started' ? 'absent' : { status: null, stdout: '', stderr: error.message };
  }
}

const wordsOf = ({ status, stderr }: Outcome): string =>
  stderr.trim().split('\n')[0]?.slice(0, 300) || `exit status ${status}`;
