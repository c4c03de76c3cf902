import { type Mode, unixMsSchema } from '@picket/protocol';
import { z } from 'zod';
import type { Policy } from '../policy/policy.ts';
import { parseJson, parseSaved } from '../uplink/state-file.ts';

/** A person's word that nothing is carried out for a while. */
export interface Pause {
  /** Unix ms. */
  readonly atMs: number;
  readonly untilMs: number;
  /** Who asked for it. */
  readonly by: string;
}

/** Where a pause is kept, so that a restart does not end it. */
export const pausePath = (stateDir: string): string => `${stateDir}/pause.json`;

const pauseSchema = z.object({ atMs: unixMsSchema, untilMs: unixMsSchema, by: z.string().max(64) });

/** A pause as text, for a file. */
export const formatPause = (pause: Pause): string => `${JSON.stringify(pause)}\n`;

/** Reads what {@link formatPause} wrote; undefined for anything else, so that a damaged file pauses nothing. */
export function parsePause(text: string | undefined): Pause | undefined {
  return text === undefined ? undefined : pauseSchema.safeParse(parseJson(text)).data;
}

/** Whether a host carries its decisions out now, and why not. */
export interface StanceNow {
  readonly mode: Mode;
  /** When that ends by itself, Unix ms. */
  readonly untilMs?: number | undefined;
  /** Who wants it so: a person of this host, or whose mode it is. */
  readonly by?: string | undefined;
}

/** Weighs the host's policy, its network's wish and the pause of a person. */
export interface Stance {
  now(): StanceNow;
  /** Nothing is carried out until then. False: it could not be kept, and a restart would end it. */
  pause(pause: Pause): Promise<boolean>;
  /** Ends a pause; false when there is none. */
  resume(): Promise<boolean>;
  /** What the network wants: undefined to enforce. */
  setNetwork(observe: { readonly untilMs?: number | undefined } | undefined): void;
}

/** The parts of a stance that reach outside. */
export interface StanceDeps {
  readonly own: Policy['mode'];
  readonly load: () => Promise<string | undefined>;
  /** Undefined: there is no pause any more. */
  readonly save: (text: string | undefined) => Promise<void>;
  /** Called when what was saved is damaged. */
  readonly damaged?: () => void;
  /** Unix ms. */
  readonly now: () => number;
}

/**
 * The stance of a host. The gentlest word counts: the collector can make a host observe that would enforce, and never the
 * other way round.
 */
export async function openStance({ own, load, save, damaged, now }: StanceDeps): Promise<Stance> {
  let pause = parseSaved(pauseSchema, await load(), damaged);
  let network: { readonly untilMs?: number | undefined } | undefined;
  const isPaused = (): boolean => pause !== undefined && pause.untilMs > now();
  return {
    now() {
      if (pause !== undefined && isPaused()) return { mode: 'paused', untilMs: pause.untilMs, by: pause.by };
      if (own === 'observe') return { mode: 'observe', by: 'the policy of this host' };
      const { untilMs = Number.POSITIVE_INFINITY } = network ?? {};
      if (network !== undefined && untilMs > now())
        return { mode: 'observe', untilMs: network.untilMs, by: 'the network' };
      return { mode: 'enforce' };
    },
    async pause(wanted) {
      // A full disk must not keep people out: the pause holds all the same.
      pause = wanted;
      return save(formatPause(wanted)).then(
        () => true,
        () => false,
      );
    },
    async resume() {
      const wasPaused = isPaused();
      pause = undefined;
      await save(undefined);
      return wasPaused;
    },
    setNetwork(observe) {
      network = observe;
    },
  };
}
