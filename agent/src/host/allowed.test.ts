import { describe, expect, it } from 'vitest';
import { parsePolicy } from '../policy/load.ts';
import { createAllowed } from './allowed.ts';
import { collectorAddresses } from './collector-addresses.ts';
import type { Names } from './names.ts';

/** Names whose addresses are in the test's hands. */
function fakeNames(): Names & { known: Map<string, string[]>; asked: string[] } {
  const known = new Map<string, string[]>();
  const asked: string[] = [];
  return {
    ...{ known, asked, watch: () => () => {}, close() {} },
    addressesOf(name) {
      asked.push(name);
      return known.get(name) ?? [];
    },
  };
}

/** What a policy allows, with a clock in the test's hands. */
function allowedBy(toml: string) {
  const policy = parsePolicy(toml, 'x');
  const world = { nowMs: Date.UTC(2026, 10, 24, 12) };
  const names = fakeNames();
  const { sources } = policy.allow;
  return {
    world,
    names,
    allowed: createAllowed({ sources, scanners: policy.scanner, names, now: () => world.nowMs }),
  };
}

const HOUR = 3_600_000;

describe('what is allowed', () => {
  it('is each network, and each known address of a name, once', () => {
    const { names, allowed } = allowedBy(
      '[allow]\nsources = ["192.0.2.1", "a.example.org", "b.example.org", "c.example.org"]',
    );
    names.known.set('a.example.org', ['192.0.2.7', '2001:db8::7']).set('b.example.org', ['192.0.2.7']);
    expect(allowed()).toEqual(['192.0.2.1/32', '192.0.2.7', '2001:db8::7']);
  });

  it('holds a scanner only at its times, and asks for its name only then', () => {
    const { world, names, allowed } = allowedBy(
      '[[scanner]]\nsources = ["192.0.2.9", "audit.example.org"]\nfrom = 2026-11-24T13:00:00Z\nuntil = 2026-11-24T14:00:00Z',
    );
    names.known.set('audit.example.org', ['192.0.2.10']);
    expect(allowed()).toEqual([]);
    expect(names.asked).toEqual([]);
    world.nowMs += HOUR;
    expect(allowed()).toEqual(['192.0.2.9/32', '192.0.2.10']);
    world.nowMs += HOUR;
    expect(allowed()).toEqual([]);
  });
});

describe('the addresses of the collector', () => {
  it('are those of its name, or the one in its URL', () => {
    const names = fakeNames();
    names.known.set('picket.example.org', ['192.0.2.10']);
    expect(collectorAddresses(['picket.example.org'], names)()).toEqual(['192.0.2.10']);
    expect(collectorAddresses(['2001:db8::10'], names)()).toEqual(['2001:db8::10']);
    expect(collectorAddresses(['picket.example.org', '203.0.113.10'], names)()).toEqual([
      '192.0.2.10',
      '203.0.113.10',
    ]);
    expect(collectorAddresses([], names)()).toEqual([]);
    expect([...new Set(names.asked)]).toEqual(['picket.example.org']);
  });
});
