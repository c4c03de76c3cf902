import { type SessionHost, sessionHost } from './session-host.ts';

/** Properties of a session that are asked for, as `loginctl show-session` names them (org.freedesktop.login1(5)). */
export const SESSION_PROPERTIES = ['Id', 'Remote', 'RemoteHost', 'Class', 'State'] as const;

/** Most sessions that are looked at: each is one more question to logind. */
export const MOST_SESSIONS = 512;

/** Ids of `loginctl list-sessions --no-legend`: the first word of each line, with a user's number behind it. */
export function sessionIds(list: string): string[] {
  const ids = list.split('\n').flatMap((line) => /^\s*([A-Za-z0-9]{1,32})\s+\d+\s/.exec(line)?.[1] ?? []);
  return [...new Set(ids)].slice(0, MOST_SESSIONS);
}

/**
 * Remote hosts of `loginctl show-session --property=… ID…`, which prints a block of lines for each session. What is no
 * authenticated session does not count: a login screen is of class `greeter`, and a session in the state `closing` is
 * over, whatever it has left running.
 */
export function logindHosts(shown: string): SessionHost[] {
  return shown.split(/\n\s*\n/).flatMap((block) => {
    const value = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(block)?.[1] ?? '';
    const isSession = /^(?:user|background)/.test(value('Class')) && value('State') !== 'closing';
    return isSession ? (sessionHost(value('RemoteHost')) ?? []) : [];
  });
}
