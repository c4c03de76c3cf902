import { type FSWatcher, watch } from 'node:fs';
import { stat } from 'node:fs/promises';

/**
 * Where systems note who logs in: logind's folder, whose files come and go with sessions (their text is logind's own and
 * is not read), and the databases of utmp(5), utx(5) and utmpx(4).
 */
export const SESSION_PLACES = [
  '/run/systemd/sessions',
  '/run/utmp',
  '/var/run/utx.active',
  '/var/run/utmp',
  '/var/adm/utmpx',
] as const;

/** How often a place that is not there, or was replaced, is looked for, ms. */
const LOOK_EVERY_MS = 10_000;

/** Changes that come together are told once, after so long, ms: logind writes a session's file several times. */
const SETTLE_MS = 50;

/** How places are watched; tests have places of their own. */
export interface WatchOptions {
  readonly places?: readonly string[];
  readonly lookEveryMs?: number;
}

/**
 * Calls back when one of the places changed, which is within milliseconds of a login. A place that comes later, or is made
 * anew, is watched from the next look on, and that counts as a change.
 *
 * @returns ends it
 */
export function watchSessions(
  onChange: () => void,
  { places = SESSION_PLACES, lookEveryMs = LOOK_EVERY_MS }: WatchOptions = {},
): () => void {
  let settling: NodeJS.Timeout | undefined;
  const tell = () => {
    settling ??= setTimeout(() => {
      settling = undefined;
      onChange();
    }, SETTLE_MS).unref();
  };
  const watched = places.map((place) => watchPlace(place, tell));
  const look = () => void Promise.all(watched.map((each) => each.look()));
  look();
  const timer = setInterval(look, lookEveryMs).unref();
  return () => {
    clearInterval(timer);
    clearTimeout(settling);
    for (const each of watched) each.stop();
  };
}

/** One place: watched while it is there, and again when it is another file than before. */
function watchPlace(place: string, tell: () => void) {
  let watcher: FSWatcher | undefined;
  let [seen, isOver]: [string | undefined, boolean] = [undefined, false];
  const drop = () => {
    watcher?.close();
    watcher = undefined;
  };
  return {
    stop() {
      isOver = true;
      drop();
    },
    async look() {
      const found = await identityOf(place);
      const isKept = found === seen && (watcher !== undefined || found === ABSENT);
      if (isOver || isKept) return;
      drop();
      if (seen !== undefined && found !== seen) tell();
      seen = found;
      if (found === ABSENT) return;
      try {
        watcher = watch(place, { persistent: false }, tell).on('error', drop);
      } catch {
        // No more watches to be had (inotify(7), max_user_watches): the next look tries again; logins are seen later.
      }
    },
  };
}

const ABSENT = 'absent';

/** Tells a file from the one that was there before; inode numbers alone are given anew. */
const identityOf = (place: string): Promise<string> =>
  stat(place).then(
    ({ ino, birthtimeMs }) => `${ino} ${birthtimeMs}`,
    () => ABSENT,
  );
