import type { Track } from '../detect/track.ts';
import { ROOM_AT } from '../nft/counting.ts';
import { roomScript } from '../nft/room.ts';
import type { RulesetPolicy } from '../nft/ruleset-policy.ts';
import type { Runner } from '../run/runner.ts';

/** What keeping room works with. */
export interface RoomDeps {
  readonly run: Runner;
  readonly ruleset: RulesetPolicy;
  readonly log: (message: string) => void;
  /** Unix ms. */
  readonly now: () => number;
}

/** Span of time in which contacts are counted together, ms. */
const SLOT_MS = 60_000;

/**
 * Keeps room in the kernel's sets of evidence: a full set counts nobody new, so that a flood of forged sources would hide
 * every scan after it for as long as a window.
 */
export interface Room {
  /** So many contacts went into the sets. */
  note(count: number): void;
  /** Makes room when it is short; what comes meanwhile may be noted only when it is done. */
  keep(strong: Iterable<Track>): Promise<void>;
  /** Contacts forgotten for want of room. */
  readonly forgotten: number;
}

export function createRoom({ run, ruleset, log, now }: RoomDeps): Room {
  let slots: { readonly atMs: number; count: number }[] = [];
  let forgotten = 0;
  /** At most so many contacts are in the sets: those that came within a window, since room was made last. */
  const filled = (): number => {
    const oldestMs = now() - ruleset.evidence.threshold.window - SLOT_MS;
    slots = slots.filter(({ atMs }) => atMs >= oldestMs);
    return slots.reduce((sum, { count }) => sum + count, 0);
  };
  const makeRoom = async (strong: Iterable<Track>): Promise<void> => {
    const before = filled();
    const { script, kept } = roomScript(ruleset, strong, now());
    const outcome = await run({ argv: ['nft', '-f', '-'], stdin: script }).catch((error: Error) => error);
    // What is in the sets is counted on: a full set counts nobody new, so it is tried again at the next look.
    if (outcome instanceof Error || outcome.status !== 0) {
      const why = outcome instanceof Error ? outcome.message : outcome.stderr.trim().slice(0, 300);
      return log(`no room could be made for new evidence: ${why}`);
    }
    slots = [{ atMs: now(), count: kept }];
    forgotten += Math.max(0, before - kept);
    log(
      `many sources at once: ${before} contacts were forgotten but for the ${kept} of the likeliest scanners`,
    );
  };
  return {
    note(count) {
      const last = slots.at(-1);
      if (last !== undefined && now() - last.atMs < SLOT_MS) last.count += count;
      else slots.push({ atMs: now(), count });
    },
    async keep(strong) {
      if (filled() >= ROOM_AT) await makeRoom(strong);
    },
    get forgotten() {
      return forgotten;
    },
  };
}
