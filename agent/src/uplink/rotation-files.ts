import { rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type Enrolment, saveEnrolment } from './enrolment.ts';
import { type Identity, identityPath, loadKey, makeKey } from './identity.ts';
import { syncFolder } from './state-file.ts';

/**
 * What a new key is for: `next` follows the present one of the same host; `new` makes this machine another host. Each has
 * a file of its own, so that an agent which finds one left half-way knows what was meant.
 */
export type Purpose = 'next' | 'new';

const candidatePath = (stateDir: string, purpose: Purpose): string =>
  join(stateDir, `identity-${purpose}.jwk`);

/** The files that take part when a host changes its key. Each verb is whole or not at all, over a power cut too. */
export interface KeyFiles {
  /** The key on its way, or undefined. */
  candidate(purpose: Purpose): Promise<Identity | undefined>;
  /** Makes the key on its way. */
  make(purpose: Purpose): Promise<Identity>;
  /** From now on the enrolment names the key. */
  enrol(enrolment: Enrolment): Promise<void>;
  /** The key on its way takes the place of the present one, which is gone. */
  promote(purpose: Purpose): Promise<void>;
  /** Forgets a key that nobody knows of. */
  discard(purpose: Purpose): Promise<void>;
}

/** The files in a state folder, with mode 0600. */
export function openKeyFiles(stateDir: string): KeyFiles {
  return {
    candidate: (purpose) => loadKey(candidatePath(stateDir, purpose)),
    make: (purpose) => makeKey(candidatePath(stateDir, purpose)),
    enrol: (enrolment) => saveEnrolment(stateDir, enrolment),
    async promote(purpose) {
      await rename(candidatePath(stateDir, purpose), identityPath(stateDir));
      await syncFolder(stateDir);
    },
    async discard(purpose) {
      await unlink(candidatePath(stateDir, purpose)).catch(() => {});
      await syncFolder(stateDir);
    },
  };
}

/**
 * The key of this host after a change of keys that a crash may have cut short: the enrolment is written before the key
 * moves to its place, so where it names a key that is still on its way, that one is moved now.
 */
export async function settleKeys(
  present: Identity,
  enrolment: Enrolment | undefined,
  files: KeyFiles,
): Promise<Identity> {
  if (enrolment === undefined || enrolment.hostKey === present.thumbprint) return present;
  for (const purpose of ['next', 'new'] as const) {
    const candidate = await files.candidate(purpose);
    if (candidate?.thumbprint !== enrolment.hostKey) continue;
    await files.promote(purpose);
    return candidate;
  }
  return present;
}
