import type { Log } from '../report/log.ts';
import { oneByOne } from '../run/one-by-one.ts';
import { failure } from './enrol-refusal.ts';
import { loadEnrolment } from './enrolment.ts';
import type { HttpClient } from './http.ts';
import { type RotateResult, rotateKey } from './rotate.ts';
import { openKeyFiles } from './rotation-files.ts';
import type { Speaker } from './seal.ts';

/** What a running agent rotates its key with. */
export interface RotationParts {
  readonly stateDir: string;
  readonly speaker: Speaker;
  /** Base URLs of the collector, the one in use first. */
  readonly urls: () => readonly string[];
  readonly http: HttpClient;
  readonly log: Log;
}

/** The rotations of a running agent, one after the other. */
export interface Rotations {
  /** Gives the host a new key; from then on it signs with that. What waits in its spool stays as it was signed. */
  rotate(): Promise<RotateResult>;
  /** Ends a rotation that was begun, if there is one: the collector may have the new key, and then the present one ends some day. */
  finish(): Promise<void>;
  /** The collector does not take the present key. */
  onDenied(): void;
  /** Ends after what is under way. */
  stop(): Promise<void>;
}

/** How often it is tried to end a rotation that was begun, ms: a former key is good for 31 days. */
const FINISH_EVERY_MS = 86_400_000;

/** Least time between two tries because the present key is not taken, ms: a pull that is refused comes again within a minute. */
const DENIED_GAP_MS = 60_000;

/** Looks after the key of a running host, from now on. */
export function createRotations(parts: RotationParts): Rotations {
  const inTurn = oneByOne();
  let isStopped = false;
  let deniedMs = Number.NEGATIVE_INFINITY;
  const finish = (): Promise<void> => inTurn(() => (isStopped ? Promise.resolve() : finishRotation(parts)));
  const timer = setInterval(() => void finish(), FINISH_EVERY_MS).unref();
  return {
    rotate: () => inTurn(() => rotateRunning(parts)),
    finish,
    onDenied() {
      if (performance.now() - deniedMs < DENIED_GAP_MS) return;
      deniedMs = performance.now();
      void finish();
    },
    stop() {
      isStopped = true;
      clearInterval(timer);
      return inTurn(async () => {});
    },
  };
}

async function rotateRunning({ stateDir, speaker, urls, http, log }: RotationParts): Promise<RotateResult> {
  const { identity, enrolment, clock } = speaker;
  const saved = await loadEnrolment(stateDir);
  if (saved?.hostKey !== identity.thumbprint)
    return failure('refused', 'This host was enrolled anew while the agent runs: restart its service first.');
  const files = openKeyFiles(stateDir);
  const nowMs = () => clock.nowMs();
  const result = await rotateKey({ identity, enrolment, urls: urls(), http, files, nowMs });
  if (!result.ok) return result;
  // Together: whoever seals reads both in one turn.
  speaker.identity = result.identity;
  speaker.enrolment = result.enrolment;
  log.info('this host has a new key', { former: identity.thumbprint, now: result.identity.thumbprint });
  return result;
}

async function finishRotation(parts: RotationParts): Promise<void> {
  try {
    if ((await openKeyFiles(parts.stateDir).candidate('next')) === undefined) return;
    const result = await rotateRunning(parts);
    if (!result.ok)
      parts.log.warn('a rotation of the key was begun and cannot be ended yet', { why: result.message });
  } catch (error) {
    parts.log.error('a rotation of the key was begun and cannot be ended', { error });
  }
}
