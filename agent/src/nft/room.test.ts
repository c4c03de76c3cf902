import { describe, expect, it } from 'vitest';
import { createJudge } from '../detect/rules.ts';
import { createTracker } from '../detect/tracker.ts';
import { RULESET_POLICY } from '../firewall/contract.ts';
import { roomScript } from './room.ts';

const judge = createJudge(RULESET_POLICY.evidence);

/** Tracks of sources that asked for so many ports each. */
function tracks(asked: Record<string, number>) {
  const tracker = createTracker({ judge });
  for (const [source, ports] of Object.entries(asked))
    for (let port = 1; port <= ports; port++)
      tracker.observe(source, {
        ...{ atMs: port, address: '192.0.2.1', localAddress: '203.0.113.10', transport: 'tcp', port },
        ...{ technique: 'syn', evidence: 'forgeable' },
      });
  return tracker.strong();
}

describe('roomScript', () => {
  it('empties all evidence and puts back the contacts and what is left of the bucket of strong sources', () => {
    const { script, kept } = roomScript(RULESET_POLICY, tracks({ '192.0.2.1': 2, '2001:db8::/64': 3 }), 10);
    expect(kept).toBe(5);
    expect(script).toContain('flush set inet picket seen4\n');
    // Clients outlive each flood, or forged packets could shut them out after one.
    expect(script).not.toMatch(/client|muted/);
    expect(script).toContain('192.0.2.1 . tcp . 1 . 203.0.113.10 timeout 3600s');
    expect(script).toContain(
      'add element inet picket rate4 { 192.0.2.1 limit rate over 168/week burst 1 packets }',
    );
    expect(script).toContain('add element inet picket suspect6 { 2001:db8:: }');
  });

  it('puts back the youngest when there are too many', () => {
    const many = Object.fromEntries(
      Array.from({ length: 2_500 }, (_, i) => [`10.0.${i >> 8}.${i & 255}`, 2]),
    );
    const { script, kept } = roomScript(RULESET_POLICY, tracks(many), 10);
    expect(kept).toBe(4_000);
    expect([script.includes('10.0.0.1 . tcp'), script.includes('10.0.9.195 . tcp')]).toEqual([false, true]);
  });

  it('leaves out what is over', () => {
    expect(roomScript(RULESET_POLICY, tracks({ '192.0.2.1': 2 }), 10 * 3_600_000).kept).toBe(0);
  });
});
