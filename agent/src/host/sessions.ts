import type { Address } from '@picket/protocol';
import type { Runner } from '../run/runner.ts';
import type { Names } from './names.ts';
import type { SessionHost } from './session-host.ts';
import { readLogind, readWho, type SessionList } from './session-lists.ts';
import { type WatchOptions, watchSessions } from './session-watch.ts';

/** Most addresses that sessions protect: whoever may log in may write the system's list of sessions (utempter). */
const MOST_ADDRESSES = 256;

/** Longest that a list is waited for, ms: a bus that hangs must delay neither the start nor a refresh. */
const WAIT_MS = 2_000;

/** What sessions are read with. */
export interface SessionsDeps {
  readonly run: Runner;
  /** For sessions whose remote host is a name. */
  readonly names: Names;
  readonly log: (message: string) => void;
  readonly waitMs?: number;
}

/** Who has an authenticated session on this host. */
export interface Sessions {
  /** Remote addresses of the sessions that are there now. */
  addresses(): Promise<readonly Address[]>;
  /** Calls back when somebody may have logged in or out, within milliseconds. @returns ends it */
  watch(onChange: () => void, options?: WatchOptions): () => void;
}

/**
 * Reads sessions from logind and from `who`, both where both are there: logind knows of sessions without a terminal, the other
 * of those that did not pass through PAM. Nothing else counts: a connection to port 22 is not yet anybody.
 *
 * When a list cannot be read, its last answer stays: a bus that restarts must not have an administrator locked out.
 */
export function createSessions({ run, names, log, waitMs = WAIT_MS }: SessionsDeps): Sessions {
  const watchers = new Set<() => void>();
  const tell = () => {
    for (const onChange of watchers) onChange();
  };
  const lists = [keptList('logind', () => readLogind(run), log), keptList('who', () => readWho(run), log)];
  const addressesOf = (host: SessionHost): readonly Address[] =>
    host.kind === 'address' ? [host.address] : names.addressesOf(host.name);
  return {
    async addresses() {
      const hosts = await Promise.all(lists.map((list) => list.hosts(waitMs, tell)));
      return [...new Set(hosts.flat().flatMap(addressesOf))].slice(0, MOST_ADDRESSES);
    },
    watch(onChange, options) {
      watchers.add(onChange);
      const ends = [watchSessions(onChange, options), names.watch(onChange)];
      return () => {
        watchers.delete(onChange);
        for (const end of ends) end();
      };
    },
  };
}

/** One list of sessions with its last answer. */
function keptList(name: string, read: () => Promise<SessionList>, log: (message: string) => void) {
  let last: readonly SessionHost[] = [];
  let fault = '';
  let [running, next]: (Promise<void> | undefined)[] = [undefined, undefined];
  const look = async (): Promise<void> => {
    const list = await read();
    const why = list === 'absent' || list.ok ? '' : list.why;
    if (why !== '' && why !== fault)
      log(`the sessions of ${name} cannot be read; those of the last look stay protected: ${why}`);
    fault = why;
    if (list === 'absent') last = [];
    else if (list.ok) last = list.hosts;
  };
  /** One look under way may have begun before the login in question, so another one follows it. */
  const lookAnew = (): Promise<void> => {
    next ??= (running ?? Promise.resolve()).then(() => {
      next = undefined;
      const looked = look();
      running = looked
        .catch(() => {})
        .finally(() => {
          running = undefined;
        });
      return looked;
    });
    return next;
  };
  return {
    /** The hosts as of now; those of the last look when this one takes longer, and `late` is called when that changed them. */
    async hosts(waitMs: number, late: () => void): Promise<readonly SessionHost[]> {
      const looked = lookAnew().then(() => true);
      const inTime = await Promise.race([looked, after(waitMs)]);
      const told = last;
      if (!inTime)
        void looked.then(
          () => isSame(last, told) || late(),
          () => {},
        );
      return told;
    },
  };
}

const after = (ms: number): Promise<false> =>
  new Promise((resolve) => {
    setTimeout(() => resolve(false), ms).unref();
  });

const isSame = (a: readonly SessionHost[], b: readonly SessionHost[]): boolean =>
  JSON.stringify(a) === JSON.stringify(b);
