import type { Log } from '../report/log.ts';
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
  readonly urls: readonly string[];
  readonly http: HttpClient;
  readonly log: Log;
}

/** Gives a running host a new key; from then on it signs with that. What waits in its spool stays as it was signed. */
export async function rotateRunning({
  stateDir,
  speaker,
  urls,
  http,
  log,
}: RotationParts): Promise<RotateResult> {
  const { identity, enrolment, clock } = speaker;
  const saved = await loadEnrolment(stateDir);
  if (saved?.hostKey !== identity.thumbprint)
    return failure('refused', 'This host was enrolled anew while the agent runs: restart its service first.');
  const files = openKeyFiles(stateDir);
  const nowMs = () => clock.nowMs();
  const result = await rotateKey({ identity, enrolment, urls, http, files, nowMs });
  if (!result.ok) return result;
  // Together: whoever seals reads both in one turn.
  speaker.identity = result.identity;
  speaker.enrolment = result.enrolment;
  log.info('this host has a new key', { former: identity.thumbprint, now: result.identity.thumbprint });
  return result;
}

/** Ends a rotation that an earlier run began: the collector may have taken the new key, and then the old one ends some day. */
export async function finishRotation(parts: RotationParts): Promise<void> {
  try {
    if ((await openKeyFiles(parts.stateDir).candidate('next')) === undefined) return;
    const result = await rotateRunning(parts);
    if (!result.ok)
      parts.log.warn('a rotation of the key was begun and cannot be ended', { why: result.message });
  } catch (error) {
    parts.log.error('a rotation of the key was begun and cannot be ended', { error });
  }
}
