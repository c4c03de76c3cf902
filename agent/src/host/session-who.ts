import { type SessionHost, sessionHost } from './session-host.ts';

/** Longest line that is read, characters: a host's name is 256 at most (ut_host of utmp(5)). */
const MAX_LINE = 600;

/** Most lines that are read. */
const MAX_LINES = 4_096;

/**
 * Remote hosts of `who`, which on all systems ends a line with the host in parentheses: GNU, FreeBSD, OpenBSD, Solaris and
 * illumos. GNU's `--ips` prints the address without them. A local session has no host, or its display (`:0`).
 */
export function whoHosts(text: string): SessionHost[] {
  return text
    .split('\n', MAX_LINES)
    .flatMap((line) => (line.length > MAX_LINE ? [] : (hostOf(line.trimEnd()) ?? [])));
}

function hostOf(line: string): SessionHost | undefined {
  const named = /\(([^()]*)\)$/.exec(line)?.[1];
  if (named !== undefined) return sessionHost(named);
  const bare = sessionHost(line.split(/\s+/).slice(3).at(-1) ?? '');
  return bare?.kind === 'address' ? bare : undefined;
}
