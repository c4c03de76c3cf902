import { describe, expect, it } from 'vitest';
import { allowCases } from './contract-allow.ts';
import { healingCases } from './contract-healing.ts';
import { originCases } from './contract-origins.ts';
import { pauseCases } from './contract-pause.ts';
import {
  FOUR,
  HOUR_MS,
  NEIGHBOUR,
  openedOf,
  type Prepare,
  put,
  refusedOf,
  SIX,
  type Traits,
  want,
} from './contract-subject.ts';
import { timeCases } from './contract-time.ts';

export { type Prepare, put, type Subject, type Traits, want } from './contract-subject.ts';

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
  cutsProven: false,
  detects: true,
};

/** What every backend promises, whatever system it drives; traits say what it cannot. */
export function firewallContract(name: string, prepare: Prepare, traits: Traits = {}): void {
  describe(`the ${name} backend`, () => {
    it('finds nothing at first, and refuses nobody', async () => {
      const subject = await openedOf(prepare);
      expect(await subject.reopen().open({ allow: [], onLink: [], enforce: true })).toEqual([]);
      expect(await refusedOf(subject)).toEqual([]);
    });

    applyCases(prepare, traits);
    originCases(prepare, traits);
    allowCases(prepare, traits);
    pauseCases(prepare, traits);
    timeCases(prepare, traits);
    healingCases(prepare, traits);
  });
}

function applyCases(prepare: Prepare, { takesNoList = false }: Traits): void {
  it('refuses what is wanted, IPv4 and IPv6, local and shared, and the same again changes nothing', async () => {
    const subject = await openedOf(prepare);
    const wanted = want([FOUR, SIX], [NEIGHBOUR]);
    await put(subject.firewall, wanted);
    const before = await subject.ours();
    await put(subject.firewall, wanted);
    await subject.firewall.look();
    expect(await subject.ours()).toBe(before);
    expect(await refusedOf(subject)).toEqual([FOUR, SIX, ...(takesNoList ? [] : [NEIGHBOUR])].sort());
  });

  it('lets go what is no longer wanted', async () => {
    const subject = await openedOf(prepare);
    await put(subject.firewall, want([FOUR, SIX, NEIGHBOUR]));
    await put(subject.firewall, want([FOUR]));
    expect(await refusedOf(subject)).toEqual([FOUR]);
    await put(subject.firewall, want([]));
    expect(await refusedOf(subject)).toEqual([]);
  });

  it('moves the end and the tier of a block', async () => {
    const subject = await openedOf(prepare);
    await put(subject.firewall, want([FOUR]));
    const longer = { untilMs: Date.now() + 2 * HOUR_MS, tier: 'dropped' as const };
    await put(subject.firewall, want([FOUR], [], longer));
    expect(await refusedOf(subject)).toEqual([FOUR]);
  });

  it('leaves nothing when it is removed, also twice, and when nothing is there', async () => {
    const subject = await openedOf(prepare);
    await put(subject.firewall, want([FOUR, SIX], [NEIGHBOUR]));
    await subject.firewall.remove();
    expect([await refusedOf(subject), await subject.ours()]).toEqual([[], '']);
    await subject.firewall.remove();
    await subject.reopen().remove();
    expect([await refusedOf(subject), await subject.ours()]).toEqual([[], '']);
  });
}
