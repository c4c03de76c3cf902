import { describe, expect, it } from 'vitest';
import type { Known } from '../../agent-port.ts';
import { explain } from '../../control/explain.ts';
import type { Explanation } from '../../control/messages.ts';
import type { Probe } from '../../detect/probe.ts';
import { createJudge } from '../../detect/rules.ts';
import { observe, type Track } from '../../detect/track.ts';
import { evidenceRules } from '../../policy/derive.ts';
import { parsePolicy } from '../../policy/load.ts';
import { explanationLines, verdict } from './explain.ts';

const NOW = Date.UTC(2026, 10, 24, 8, 30);
const SOURCE = '198.51.100.7';
const POLICY = parsePolicy('[threshold]\ntripwire_tcp = "23"\n', '');

function track(ports: readonly number[], technique: Probe['technique'] = 'syn'): Track | undefined {
  const judge = createJudge(evidenceRules(POLICY));
  return ports.reduce<Track | undefined>((before, port) => {
    const probe: Probe = {
      ...{ atMs: NOW - 60_000, address: SOURCE, localAddress: '192.0.2.1', port, technique },
      ...{ transport: 'tcp', evidence: 'forgeable' },
    };
    return observe(before, SOURCE, probe, judge(SOURCE, probe)).track;
  }, undefined);
}

function told(known: Partial<Known>, more: Partial<Explanation> = {}): Explanation {
  const stance = { mode: 'enforce' as const };
  const facts = { policy: POLICY, nowMs: NOW, enforces: true, stance };
  return { ...explain(SOURCE, { ...EMPTY, ...known }, facts), history: [], ...more };
}

const BLOCK = {
  ...{ source: SOURCE, tier: 'held' as const, decidedBy: 'kernel' as const, droppedPackets: 12 },
  ...{ atMs: NOW - 60_000, untilMs: NOW + 3_540_000 },
};

describe('an explanation', () => {
  it.each<[string, Partial<Known>, Partial<Explanation>, string]>([
    ['of a stranger', {}, {}, 'not blocked: nothing of it is known here'],
    ['below the threshold', { track: track([1, 2]) }, {}, 'not blocked: 2 of 4 distinct unused ports'],
    [
      'right below',
      { track: track([1, 2, 3]) },
      {},
      'not blocked: 3 of 4 distinct unused ports; the next one trips',
    ],
    [
      'of weak evidence',
      { track: track([1, 2], 'ack') },
      {},
      'not blocked: 2 of 12 distinct ports by weak evidence',
    ],
    ['of a block', { block: BLOCK }, {}, 'blocked by this host until 2026-11-24 09:29:00Z (59 m left)'],
    [
      'of both blocks',
      { block: BLOCK, shared: { entry: [SOURCE, NOW + 7_200_000, 'held', 'x'], isLifted: false } },
      {},
      'blocked by this host and the network until 2026-11-24 10:30:00Z (2 h left)',
    ],
    [
      'of a block that is not carried out',
      { block: BLOCK },
      { enforces: false },
      'not blocked, but would be by this host until 2026-11-24 09:29:00Z (59 m left)',
    ],
    [
      'of a lifted block',
      { shared: { entry: [SOURCE, NOW + 7_200_000, 'held', 'x'], isLifted: true } },
      {},
      'not blocked: the network blocks it, and that was lifted on this host',
    ],
    ['of a gateway', { protection: 'gateway' }, {}, 'never blocked: gateway'],
    [
      'of what the network allows',
      { protection: 'allow list', isAllowedByNetwork: true },
      {},
      'never blocked: allow list of the network',
    ],
  ])('%s says it in one sentence', (_, known, more, sentence) => {
    expect(verdict(told(known, more))).toBe(sentence);
  });

  it('names the authorised scanner that keeps a source from being blocked', () => {
    const policy = parsePolicy('[[scanner]]\nname = "audit"\nsources = ["198.51.100.0/24"]\n', '');
    const known = { ...EMPTY, protection: 'allow list' as const };
    const facts = { policy, nowMs: NOW, enforces: true, stance: { mode: 'enforce' as const } };
    expect(explain(SOURCE, known, facts).protection).toBe('authorised scanner "audit"');
  });

  it('says what was seen, which bucket counts, when a token is back, and what a tripwire was', () => {
    const lines = explanationLines(told({ track: track([22, 23]), tripAtMs: NOW - 50_000, block: BLOCK }));
    expect(lines).toEqual([
      '198.51.100.7: blocked by this host until 2026-11-24 09:29:00Z (59 m left)',
      'first seen  2026-11-24 08:29:00Z (1 m ago)',
      'last seen   2026-11-24 08:29:00Z (1 m ago), to 192.0.2.1',
      'contacts    2 distinct: tcp 22-23',
      'techniques  syn 2',
      'evidence    forgeable: anybody could have sent it',
      'tripped     2026-11-24 08:29:10Z',
      'counted     2 of 4 distinct unused ports; one comes back in 1 h 19 m (its next probe draws from here)',
      'tripwire    touched tcp/23: one probe is enough',
      'local block 2026-11-24 08:29:00Z to 2026-11-24 09:29:00Z, new connections, decided by the kernel; 12 packets refused',
    ]);
  });

  it('tells weak evidence that counts as ordinary', () => {
    const known = track([1, 2], 'ack');
    const ordinary = known && { ...known, buckets: { ...known.buckets, suspectAtMs: NOW - 1 } };
    expect(told({ track: ordinary })).toMatchObject({ drawsFrom: 'ordinary', isSuspect: true });
  });
});

const EMPTY: Known & { isClient: boolean } = {
  ...{ source: SOURCE, track: undefined, tripAtMs: undefined, isClient: false, protection: undefined },
  ...{ isAllowedByNetwork: false, allowance: undefined, block: undefined, shared: undefined },
};
