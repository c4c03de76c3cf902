import type { Source } from '@picket/protocol';
import { describe, expect, it } from 'vitest';
import type { Desired, Firewall, LocalBlock, SharedBlock } from './firewall.ts';

/** A backend with nothing blocked, and a way to look at what it refuses that does not go through it. */
export interface Subject {
  readonly firewall: Firewall;
  /** Sources that are refused now. */
  readonly refused: () => Promise<Source[]>;
  /** A new backend over the same system, as after a restart of the agent. */
  readonly reopen: () => Firewall;
}

/** The table's part of the default policy. */
export const RULESET_POLICY = {
  evidence: {
    threshold: { ports: 4, client_ports: 7, weak_ports: 12, window: 3_600_000 },
    tripwires: {},
  },
  permit: { evidence: 'any-but-limited', new_per_minute: 60, clients: 'handshake' } as const,
  holdMs: 3_600_000,
  nflogGroup: 4_715,
  ignored: { tcp: [], udp: [], sctp: [], ip: [] },
  ignoredInterfaces: [],
  isSilent: false,
  ephemeral: [32_768, 60_999] as [number, number],
  forwarded: true,
  detects: true,
};

const NETWORKS = { allow: ['203.0.113.1'], onLink: ['2001:db8:1::/64'], enforce: true };

const SOURCES = ['198.51.100.7', '2001:db8:66::/64', '2001:db8:1::99'] as const;

/** A wanted state with the given sources blocked for an hour, the last one by the network. */
export function want(
  local: readonly string[],
  shared: readonly string[] = [],
  more: Partial<LocalBlock> = {},
): Desired & { shared: ReadonlyMap<Source, SharedBlock> } {
  const untilMs = Date.now() + 3_600_000;
  const block = (source: string) => ({ source, untilMs, tier: 'held' as const, decidedBy: 'agent' as const });
  return {
    ...NETWORKS,
    local: new Map(local.map((source) => [source, { ...block(source), ...more }])),
    shared: new Map(shared.map((source) => [source, block(source)])),
  };
}

/** Puts all of a wanted state in force. */
export async function put(firewall: Firewall, wanted: ReturnType<typeof want>): Promise<void> {
  await Promise.all([firewall.apply(wanted), firewall.share(wanted.shared)]);
}

/** What every backend promises, whatever system it drives. */
export function firewallContract(name: string, subject: () => Promise<Subject>): void {
  describe(`the ${name} backend`, () => {
    it('finds nothing at first, and refuses nobody', async () => {
      const { firewall, refused } = await subject();
      expect(await firewall.open(NETWORKS)).toEqual([]);
      expect(await refused()).toEqual([]);
    });

    it('refuses what is wanted, IPv4 and IPv6, local and shared, and the same again changes nothing', async () => {
      const { firewall, refused } = await subject();
      await firewall.open(NETWORKS);
      const wanted = want(SOURCES.slice(0, 2), SOURCES.slice(2));
      await put(firewall, wanted);
      await put(firewall, wanted);
      expect((await refused()).sort()).toEqual([...SOURCES].sort());
    });

    it('lets go what is no longer wanted', async () => {
      const { firewall, refused } = await subject();
      await firewall.open(NETWORKS);
      await put(firewall, want(SOURCES));
      await put(firewall, want([SOURCES[0]]));
      expect(await refused()).toEqual([SOURCES[0]]);
      await put(firewall, want([]));
      expect(await refused()).toEqual([]);
    });

    it('takes a source that is blocked twice as blocked until both ends', async () => {
      const { firewall, refused } = await subject();
      await firewall.open(NETWORKS);
      await put(firewall, want([SOURCES[0]], [SOURCES[0]]));
      await put(firewall, want([], [SOURCES[0]]));
      expect(await refused()).toEqual([SOURCES[0]]);
    });

    it('moves the end and the tier of a block', async () => {
      const { firewall, refused } = await subject();
      await firewall.open(NETWORKS);
      await put(firewall, want([SOURCES[0]]));
      await put(firewall, want([SOURCES[0]], [], { untilMs: Date.now() + 7_200_000, tier: 'dropped' }));
      expect(await refused()).toEqual([SOURCES[0]]);
    });

    it('does not put back a block whose time is over', async () => {
      const { firewall, refused } = await subject();
      await firewall.open(NETWORKS);
      await put(firewall, want([SOURCES[0]], [], { untilMs: Date.now() - 1 }));
      expect(await refused()).toEqual([]);
    });

    it('leaves nothing when it is removed, also when nothing is there', async () => {
      const { firewall, refused, reopen } = await subject();
      await firewall.open(NETWORKS);
      await put(firewall, want(SOURCES));
      await firewall.remove();
      await reopen().remove();
      expect(await refused()).toEqual([]);
    });
  });
}
