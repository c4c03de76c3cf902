import { type Address, type Cidr, contains, type Source } from '@picket/protocol';
import type { Desired, Firewall, LocalBlock, SharedBlock } from './firewall.ts';

/** A backend with nothing blocked, and ways to look at its system that do not go through it. */
export interface Subject {
  readonly firewall: Firewall;
  /** A new backend over the same system, as after a restart of the agent. */
  readonly reopen: () => Firewall;
  /** Sources that are refused now. */
  readonly refused: () => Promise<Source[]>;
  /** Networks that the system lets go before it looks at blocks; none where the backend leaves such sources out. */
  readonly allowed?: () => Promise<Cidr[]>;
  /** Whether the system refuses an address, where it can be asked; else its lists tell. */
  readonly refuses?: (address: Address) => Promise<boolean>;
  /** All of ours in the system, without counters and ends; empty when there is nothing. */
  readonly ours: () => Promise<string>;
  /** What others may do to it, by name. */
  readonly damages?: Readonly<Record<string, () => Promise<unknown>>>;
  /** What the backend said to the log. */
  readonly said: readonly string[];
  /** The ends of all blocks, Unix ms, where the system keeps them. */
  readonly ends?: () => Promise<(readonly [Source, number])[]>;
  /** Lets time go by for the backend, ms, where the agent ends blocks. */
  readonly pass?: (ms: number) => void;
}

/** What a backend cannot do, and why that is no fault of it. */
export interface Traits {
  /** It does not carry the network's list out. */
  readonly takesNoList?: boolean;
  /** It has nothing in any system that others could take away. */
  readonly holdsNothing?: boolean;
  /** It counts no blocks, since it makes none. */
  readonly countsNothing?: boolean;
  /** An allowed address goes through a block that stays in force around it; else the whole block is left out. */
  readonly refusesAround?: boolean;
}

/** Gives a {@link Subject}; each has its own system, or one that the suite cleaned. */
export type Prepare = () => Promise<Subject>;

/** The networks of the suite's stance. */
export const NETWORKS = { allow: ['203.0.113.1'], onLink: ['2001:db8:1::/64'], enforce: true };

/** Sources of the three kinds: an IPv4 address, an IPv6 /64, a single IPv6 address of a neighbour. */
export const [FOUR, SIX, NEIGHBOUR] = ['198.51.100.7', '2001:db8:66::/64', '2001:db8:1::99'] as const;

/** How long blocks of the suite last, ms. */
export const HOUR_MS = 3_600_000;

/** A wanted state with both lists. */
export type Wanted = Desired & { shared: ReadonlyMap<Source, SharedBlock> };

/** A wanted state with the given sources blocked for an hour, the last ones by the network. */
export function want(
  local: readonly string[],
  shared: readonly string[] = [],
  more: Partial<LocalBlock> = {},
): Wanted {
  const untilMs = Date.now() + HOUR_MS;
  const block = (source: string) => ({ source, untilMs, tier: 'held' as const, decidedBy: 'agent' as const });
  return {
    ...NETWORKS,
    local: new Map(local.map((source) => [source, { ...block(source), ...more }])),
    shared: new Map(shared.map((source) => [source, block(source)])),
  };
}

/** Puts all of a wanted state in force. */
export async function put(firewall: Firewall, wanted: Wanted): Promise<void> {
  await Promise.all([firewall.apply(wanted), firewall.share(wanted.shared)]);
}

/** A subject whose backend is set up. */
export async function openedOf(prepare: Prepare): Promise<Subject> {
  const subject = await prepare();
  await subject.firewall.open(NETWORKS);
  return subject;
}

/** Whether a subject refuses an address. */
export async function refuses(subject: Subject, address: Address): Promise<boolean> {
  if (subject.refuses !== undefined) return subject.refuses(address);
  const isIn = (networks: readonly Cidr[]) => networks.some((network) => contains(network, address));
  return isIn(await subject.refused()) && !isIn((await subject.allowed?.()) ?? []);
}

/** Sources in a fixed order. */
export async function refusedOf({ refused }: Subject): Promise<Source[]> {
  return (await refused()).sort();
}
