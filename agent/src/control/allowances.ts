import { type Cidr, parseSource, unixMsSchema } from '@picket/protocol';
import { z } from 'zod';
import { oneByOne } from '../run/one-by-one.ts';
import { parseSaved } from '../uplink/state-file.ts';

/** A person's word that a network is not blocked on this host for a while. */
export interface Allowance {
  /** An address or a CIDR, canonical. */
  readonly network: Cidr;
  /** Unix ms. */
  readonly untilMs: number;
  readonly by: string;
}

/** Where they are kept over a restart. */
export const allowancesPath = (stateDir: string): string => `${stateDir}/allowed.json`;

/** Most at once: each is compared with every source. */
export const MAX_ALLOWANCES = 256;

const savedSchema = z.array(
  z.object({
    network: z.string().refine((text) => parseSource(text) === text),
    untilMs: unixMsSchema,
    by: z.string().max(64),
  }),
);

/** Whom people of this host allow for a while. */
export interface Allowances {
  /** Those that have not ended, in the order in which they end. */
  list(): readonly Allowance[];
  /** Allows a network, or moves the end of its allowance. `unkept`: it holds, and a restart would end it. */
  add(allowance: Allowance): Promise<'kept' | 'unkept' | 'too many'>;
  /** Takes an allowance back; false when there is none. */
  remove(network: Cidr): Promise<boolean>;
}

/** The parts that reach outside. */
export interface AllowancesDeps {
  readonly load: () => Promise<string | undefined>;
  readonly save: (text: string) => Promise<void>;
  /** Called when what was saved is damaged. */
  readonly damaged?: () => void;
  /** Unix ms. */
  readonly now: () => number;
}

/**
 * The allowances of a host, as they were saved; none when what was saved is damaged. One that cannot be saved holds all the
 * same: a full disk must not keep people out.
 */
export async function openAllowances({ load, save, now, damaged }: AllowancesDeps): Promise<Allowances> {
  const text = await load();
  const saved = parseSaved(savedSchema, text, damaged);
  let known = new Map(saved?.map((allowance) => [allowance.network, allowance]));
  const list = () =>
    [...known.values()].filter(({ untilMs }) => untilMs > now()).sort((a, b) => a.untilMs - b.untilMs);
  const keep = (next: readonly Allowance[]): Promise<boolean> => {
    known = new Map(next.map((allowance) => [allowance.network, allowance]));
    return save(`${JSON.stringify(next)}\n`).then(
      () => true,
      () => false,
    );
  };
  /** One change after the other: each begins with what the one before has left. */
  const inTurn = oneByOne();
  return {
    list,
    add: (allowance) =>
      inTurn(async () => {
        const rest = list().filter(({ network }) => network !== allowance.network);
        if (rest.length >= MAX_ALLOWANCES) return 'too many';
        const isKept = await keep([...rest, { ...allowance, untilMs: Math.round(allowance.untilMs) }]);
        return isKept ? 'kept' : 'unkept';
      }),
    remove: (network) =>
      inTurn(async () => {
        const rest = list().filter((each) => each.network !== network);
        if (rest.length === list().length) return false;
        await keep(rest);
        return true;
      }),
  };
}
