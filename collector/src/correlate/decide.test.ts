import { NO_FACTS } from '@picket/protocol';
import { describe, expect, test } from 'vitest';
import { CLIENT_MS, decide, FIRST_BLOCK_MS, MIN_EXTENSION_MS, WINDOW_MS } from './decide.ts';
import type { HostEvidence, KnownBlock, SourceEvidence } from './evidence.ts';

const NOW = 1_780_000_000_000;
const MINUTE = 60_000;

const host = (over: Partial<HostEvidence> = {}): HostEvidence => ({
  hostName: 'web-1',
  lastAtMs: NOW - MINUTE,
  trippedAtMs: undefined,
  handshakeAtMs: undefined,
  clientAtMs: undefined,
  clearedAtMs: undefined,
  ...over,
});

const running = (over: Partial<KnownBlock> = {}): KnownBlock => ({
  tier: 'held',
  untilMs: NOW + FIRST_BLOCK_MS - MINUTE,
  reason: 'tripped on web-1',
  author: 'correlation',
  removedAtMs: undefined,
  ...over,
});

const source = (hosts: HostEvidence[], block?: KnownBlock): SourceEvidence => ({
  source: '198.51.100.7',
  hosts,
  block,
});

const verdict = (evidence: SourceEvidence, facts = NO_FACTS) => decide(evidence, facts, NOW);

describe('a source without a block', () => {
  test('is left alone when one host was probed and did not trip', () => {
    expect(verdict(source([host()]))).toEqual({ kind: 'none' });
  });

  test('is held for four hours from its trip when it tripped on one host', () => {
    expect(verdict(source([host({ trippedAtMs: NOW - MINUTE })]))).toEqual({
      kind: 'block',
      isRunning: false,
      tier: 'held',
      untilMs: NOW - MINUTE + FIRST_BLOCK_MS,
      tripped: ['web-1'],
      probed: ['web-1'],
    });
  });

  test('is dropped only when it proved its address', () => {
    const evidence = host({ trippedAtMs: NOW - MINUTE, handshakeAtMs: NOW - MINUTE });
    expect(verdict(source([evidence]))).toMatchObject({ tier: 'dropped' });
  });

  test('is held when the proof is older than any block would be', () => {
    const evidence = host({ trippedAtMs: NOW - MINUTE, handshakeAtMs: NOW - FIRST_BLOCK_MS - 1 });
    expect(verdict(source([evidence]))).toMatchObject({ tier: 'held' });
  });

  test('is blocked when two hosts were probed within the window', () => {
    const hosts = [host(), host({ hostName: 'web-2', lastAtMs: NOW - WINDOW_MS + 1 })];
    expect(verdict(source(hosts))).toMatchObject({ kind: 'block', tripped: [], probed: ['web-1', 'web-2'] });
  });

  test('is left alone when the second host was probed before the window', () => {
    const hosts = [host(), host({ hostName: 'web-2', lastAtMs: NOW - WINDOW_MS })];
    expect(verdict(source(hosts))).toEqual({ kind: 'none' });
  });

  test('gets what remains of its block when the news comes late, and none when nothing remains', () => {
    const late = (ageMs: number) => source([host({ trippedAtMs: NOW - ageMs, lastAtMs: NOW - ageMs })]);
    expect(verdict(late(3 * 3_600_000))).toMatchObject({ kind: 'block', untilMs: NOW + 3_600_000 });
    expect(verdict(late(FIRST_BLOCK_MS))).toEqual({ kind: 'none' });
  });

  test.each([
    ['an allow entry', '198.51.100.7', { ...NO_FACTS, allow: ['198.51.100.0/24'] }],
    ['an address of a host', '198.51.100.7', { ...NO_FACTS, own: ['198.51.100.7'] }],
    ['a /64 with a host in it', '2001:db8::/64', { ...NO_FACTS, own: ['2001:db8::1'] }],
    ['loopback', '127.0.0.1', NO_FACTS],
    ['a multicast address', '224.0.0.5', NO_FACTS],
  ])('is never blocked when it is %s', (_, address, facts) => {
    const evidence = { ...source([host({ trippedAtMs: NOW - MINUTE })]), source: address };
    expect(verdict(evidence, facts)).toEqual({ kind: 'none' });
  });
});

describe('a source with a running block', () => {
  test('keeps it as it is while the same trip is told again', () => {
    const trip = host({ trippedAtMs: NOW - MINUTE });
    expect(verdict(source([trip], running()))).toEqual({ kind: 'none' });
  });

  test('keeps its end when a later trip would hardly move it', () => {
    const block = running({ untilMs: NOW + FIRST_BLOCK_MS - MIN_EXTENSION_MS + 1 });
    expect(verdict(source([host({ trippedAtMs: NOW })], block))).toEqual({ kind: 'none' });
  });

  test('is blocked longer when a later trip really lengthens it', () => {
    const block = running({ untilMs: NOW + FIRST_BLOCK_MS - MIN_EXTENSION_MS });
    const next = verdict(source([host({ trippedAtMs: NOW })], block));
    expect(next).toMatchObject({
      kind: 'block',
      isRunning: true,
      tier: 'held',
      untilMs: NOW + FIRST_BLOCK_MS,
    });
  });

  test('is not blocked longer by probes alone', () => {
    const hosts = [host({ lastAtMs: NOW }), host({ hostName: 'web-2', lastAtMs: NOW })];
    expect(verdict(source(hosts, running({ untilMs: NOW + MINUTE })))).toEqual({ kind: 'none' });
  });

  test('goes from held to dropped when it proves its address, and keeps its end', () => {
    const proven = host({ trippedAtMs: NOW - MINUTE, handshakeAtMs: NOW });
    const next = verdict(source([proven], running()));
    expect(next).toMatchObject({ kind: 'block', tier: 'dropped', untilMs: running().untilMs });
  });

  test('never goes from dropped to held', () => {
    const block = running({ tier: 'dropped', untilMs: NOW + MINUTE });
    expect(verdict(source([host({ trippedAtMs: NOW })], block))).toMatchObject({ tier: 'dropped' });
  });

  test('is let go when it becomes an address of a host', () => {
    const facts = { ...NO_FACTS, own: ['198.51.100.7'] };
    expect(verdict(source([host()], running()), facts)).toEqual({ kind: 'lift' });
  });

  test('is let go when the only host that tripped takes it back', () => {
    const back = host({ trippedAtMs: NOW - MINUTE, clearedAtMs: NOW });
    expect(verdict(source([back], running()))).toEqual({ kind: 'lift' });
  });

  test('stays blocked when another host tripped too', () => {
    const hosts = [host({ clearedAtMs: NOW }), host({ hostName: 'web-2', trippedAtMs: NOW - MINUTE })];
    expect(verdict(source(hosts, running()))).toEqual({ kind: 'none' });
  });

  test('stays blocked when a person asked for it, whatever hosts take back', () => {
    const back = host({ trippedAtMs: NOW - MINUTE, clearedAtMs: NOW });
    expect(verdict(source([back], running({ author: 'alice' })))).toEqual({ kind: 'none' });
  });
});

describe('a client of any host', () => {
  const client = host({ hostName: 'web-9', clientAtMs: NOW - MINUTE });
  const trip = { trippedAtMs: NOW - MINUTE };
  const web2 = (over: Partial<HostEvidence>) => host({ hostName: 'web-2', ...over });

  test('is not blocked by what anybody could have sent in its name, on however many hosts', () => {
    expect(verdict(source([client, host(trip), web2(trip)]))).toEqual({ kind: 'none' });
    expect(verdict(source([host({ ...trip, clientAtMs: NOW })]))).toEqual({ kind: 'none' });
    expect(verdict(source([client, host(), web2({})]))).toEqual({ kind: 'none' });
  });

  test('is blocked by the word of hosts to which it proved its address, and by theirs alone', () => {
    const proven = host({ ...trip, handshakeAtMs: NOW - MINUTE });
    expect(verdict(source([client, proven, web2(trip)]))).toMatchObject({
      kind: 'block',
      tier: 'dropped',
      tripped: ['web-1'],
    });
    expect(verdict(source([client, host({ handshakeAtMs: NOW - MINUTE }), web2(trip)]))).toEqual({
      kind: 'none',
    });
  });

  test('is judged as any other when it was reported as a client long ago', () => {
    const old = { ...client, clientAtMs: NOW - CLIENT_MS };
    expect(verdict(source([old, host(trip)]))).toMatchObject({ kind: 'block', tier: 'held' });
  });

  test('is let go when packets that anybody could have sent got it blocked before it was known', () => {
    expect(verdict(source([client, host(trip)], running()))).toEqual({ kind: 'lift' });
  });

  test.each([
    ['proof', { tier: 'dropped' as const }],
    ['a person', { author: 'alice' }],
  ])('stays blocked when %s is behind it', (_, over) => {
    expect(verdict(source([client, host(trip)], running(over)))).toEqual({ kind: 'none' });
  });
});

describe('a source whose block is over', () => {
  const lifted = running({ removedAtMs: NOW - MINUTE });

  test('is not blocked again by evidence from before it was lifted', () => {
    const hosts = [host({ trippedAtMs: NOW - MINUTE }), host({ hostName: 'web-2', lastAtMs: NOW - MINUTE })];
    expect(verdict(source(hosts, lifted))).toEqual({ kind: 'none' });
  });

  test('is blocked again by a trip after it was lifted', () => {
    const next = verdict(source([host({ trippedAtMs: NOW - MINUTE + 1 })], lifted));
    expect(next).toMatchObject({ kind: 'block', isRunning: false });
  });

  test('is not blocked again by evidence from before its end when nobody has swept it up yet', () => {
    const block = running({ untilMs: NOW - 1 });
    expect(verdict(source([host({ trippedAtMs: NOW - 1 })], block))).toEqual({ kind: 'none' });
    expect(verdict(source([host({ trippedAtMs: NOW })], block))).toMatchObject({ kind: 'block' });
  });
});
