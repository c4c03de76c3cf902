import { sightingSchema } from '@picket/protocol';
import fc from 'fast-check';
import { v7 } from 'uuid';
import { describe, expect, it } from 'vitest';
import type { Probe } from './probe.ts';
import { createJudge } from './rules.ts';
import { createSightings } from './sightings.ts';
import { type Judgement, MAX_TRACKED_PORTS, observe, type Track } from './track.ts';
import { createTracker, MAX_CONTACTS } from './tracker.ts';
import { heirloom } from './unseen.ts';

const HOUR_MS = 3_600_000;
const THRESHOLD = { ports: 4, client_ports: 7, weak_ports: 12, window: HOUR_MS };
const JUDGEMENT = { threshold: THRESHOLD, isClient: false, isTripwire: false };
const JUDGE = createJudge({ threshold: THRESHOLD, tripwires: {} });
const SOURCE = '198.51.100.7';

const probe = (port: number, atMs: number, more: Partial<Probe> = {}): Probe => ({
  atMs,
  address: SOURCE,
  localAddress: '203.0.113.10',
  transport: 'tcp',
  port,
  technique: 'syn',
  evidence: 'forgeable',
  ...more,
});

/** The indices of the probes that were beyond the threshold. */
function over(probes: readonly Probe[], judgement: Partial<Judgement> = {}): number[] {
  let track: Track | undefined;
  return probes.flatMap((p, i) => {
    const step = observe(track, SOURCE, p, { ...JUDGEMENT, ...judgement });
    track = step.track;
    return step.isOver ? [i] : [];
  });
}

describe('observe', () => {
  it('trips on the fourth distinct port and not before', () => {
    expect(over([21, 22, 23, 25, 80].map((port) => probe(port, 1)))).toEqual([3, 4]);
  });

  it('counts a port once in a window, however often it is tried', () => {
    expect(over(Array.from({ length: 1_000 }, (_, i) => probe(445, i)))).toEqual([]);
  });

  it('tells TCP and UDP of one port number apart', () => {
    expect(
      over([probe(53, 1), probe(53, 2, { transport: 'udp', technique: 'udp' }), probe(54, 3), probe(55, 4)]),
    ).toEqual([3]);
  });

  it('lets spent evidence come back: one port each half hour never trips four in an hour', () => {
    expect(over(Array.from({ length: 48 }, (_, i) => probe(i, (i * HOUR_MS) / 2)))).toEqual([]);
  });

  it('trips at once when one port is enough', () => {
    expect(over([probe(23, 1)], { threshold: { ...THRESHOLD, ports: 1 } })).toEqual([0]);
  });

  it('trips at once on a tripwire', () => {
    expect(over([probe(23, 1)], { isTripwire: true })).toEqual([0]);
  });

  it('asks seven ports of a source that is known as a client', () => {
    const probes = Array.from({ length: 8 }, (_, i) => probe(20 + i, i));
    expect(over(probes, { isClient: true })).toEqual([6, 7]);
  });

  it('tells that a source is a client with each of its sightings, from the first probe on', () => {
    const sightings = createSightings(JUDGE, v7);
    sightings.observe('192.0.2.1', probe(20, 0, { isClient: true }));
    sightings.observe('192.0.2.1', probe(21, 1));
    sightings.observe('192.0.2.2', probe(20, 0));
    const told = sightings.drain('all', () => undefined).map(({ source, successes }) => [source, successes]);
    expect(told).toEqual([
      ['192.0.2.1', 1],
      ['192.0.2.2', 0],
    ]);
  });

  it('counts one port on four addresses of the host as four contacts', () => {
    const probes = [1, 2, 3, 4].map((last) => probe(23, last, { localAddress: `203.0.113.${last}` }));
    expect(over(probes)).toEqual([3]);
  });

  const weak = (port: number, atMs: number) => probe(port, atMs, { technique: 'ack' });

  it('asks twelve ports of weak evidence alone', () => {
    expect(over(Array.from({ length: 12 }, (_, i) => weak(300 + i, i)))).toEqual([11]);
  });

  it('takes weak evidence for ordinary after a second kind, and never the other way round', () => {
    expect(over([probe(21, 1), weak(300, 2), weak(301, 3), weak(302, 4)])).toEqual([3]);
    expect(over([weak(300, 1), weak(301, 2), weak(302, 3), probe(21, 4), probe(300, 5)])).toEqual([]);
  });

  it('keeps memory bounded for a source that tries every port', () => {
    const ports = Array.from({ length: MAX_TRACKED_PORTS + 50 }, (_, i) => probe(i, i));
    const track = ports.reduce<Track | undefined>(
      (t, p) => observe(t, SOURCE, p, JUDGEMENT).track,
      undefined,
    );
    expect(track?.contacts.size).toBe(MAX_TRACKED_PORTS);
    expect(track?.portCount).toBe(MAX_TRACKED_PORTS + 50);
  });

  it('never trips on fewer distinct ports than the threshold, in any order and at any time', () => {
    const tries = fc.array(fc.tuple(fc.nat(2), fc.nat(10 * HOUR_MS)), { maxLength: 60 });
    fc.assert(
      fc.property(tries, (list) => {
        const within = list.filter(([, at]) => at < HOUR_MS).sort((a, b) => a[1] - b[1]);
        expect(over(within.map(([port, at]) => probe(port, at)))).toEqual([]);
      }),
    );
  });
});

describe('createTracker', () => {
  const HOST = (i: number) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;

  it('forgets the weakest evidence first when it is full, of that the oldest, and counts and tells it', () => {
    const told: string[] = [];
    const tracker = createTracker({ judge: JUDGE, most: 2, onForget: (source) => told.push(source) });
    tracker.observe('192.0.2.1', probe(1, 1));
    tracker.observe('192.0.2.1', probe(2, 2));
    tracker.observe('192.0.2.2', probe(1, 3));
    tracker.observe('192.0.2.3', probe(1, 4));
    expect([tracker.get('192.0.2.2'), tracker.forgotten, told]).toEqual([undefined, 1, ['192.0.2.2']]);
    expect(tracker.get('192.0.2.1')).toBeDefined();
  });

  it('keeps a patient scanner through a flood of forged sources', () => {
    const tracker = createTracker({ judge: JUDGE, most: 100 });
    for (const port of [1, 2, 3]) tracker.observe(SOURCE, probe(port, port));
    for (let i = 0; i < 10_000; i++) tracker.observe(HOST(i), probe(80, i));
    expect(tracker.observe(SOURCE, probe(4, 10_001)).isOver).toBe(true);
    expect([tracker.size, tracker.forgotten]).toEqual([100, 9_901]);
  });

  it('bounds the contacts of all sources together', () => {
    const tracker = createTracker({ judge: JUDGE });
    const sources = Math.ceil((1.5 * MAX_CONTACTS) / MAX_TRACKED_PORTS);
    for (let i = 0; i < sources; i++)
      for (let port = 0; port < MAX_TRACKED_PORTS; port++) tracker.observe(HOST(i), probe(port, i));
    expect(tracker.size).toBeLessThanOrEqual(MAX_CONTACTS / MAX_TRACKED_PORTS + 1);
    expect(tracker.forgotten).toBeGreaterThan(0);
  });
});

describe('createSightings', () => {
  it('tells what changed under one id with rising revisions, each fit for the wire', () => {
    const sightings = createSightings(JUDGE, v7);
    sightings.observe(SOURCE, probe(22, 1.5));
    const [first] = sightings.drain('all', () => undefined);
    expect(sightings.drain('all', () => undefined)).toEqual([]);
    sightings.observe(SOURCE, probe(23, 2.5, { evidence: 'handshake', technique: 'connect' }));
    sightings.trip(SOURCE, 2.5);
    const [second] = sightings.drain('all', () => undefined);
    expect(sightingSchema.parse(first)).toMatchObject({
      rev: 2,
      ports: { tcp: [[22, 22]] },
      evidence: 'forgeable',
    });
    expect(sightingSchema.parse(second)).toMatchObject({
      id: first?.id,
      rev: 3,
      ports: { tcp: [[22, 23]] },
      techniques: { syn: 1, connect: 1 },
      evidence: 'handshake',
      trip: { atMs: 2 },
    });
  });

  it('trips a source once', () => {
    const sightings = createSightings(JUDGE, v7);
    expect([sightings.trip(SOURCE, 1), sightings.trip(SOURCE, 2)]).toEqual([true, false]);
  });

  it('tells trips apart from the rest, so that only they hurry', () => {
    const sightings = createSightings(JUDGE, v7);
    for (const source of ['192.0.2.1', '192.0.2.2']) sightings.observe(source, probe(22, 1));
    sightings.trip('192.0.2.2', 1);
    const told = (which: 'trips' | 'all') => sightings.drain(which, () => undefined).map((s) => s.source);
    expect([told('trips'), told('trips'), told('all'), told('all')]).toEqual([
      ['192.0.2.2'],
      [],
      ['192.0.2.1'],
      [],
    ]);
  });

  it('takes up a source that tripped while nobody was looking', () => {
    const sightings = createSightings(JUDGE, v7);
    const seen = {
      atMs: 5,
      address: '2001:db8::',
      localAddress: '203.0.113.10',
      id: v7(),
    };
    expect(sightings.adopt('2001:db8::/64', seen)).toBe(seen.id);
    expect(sightings.adopt('2001:db8::/64', { ...seen, id: v7() })).toBe(seen.id);
    const [told] = sightings.drain('all', () => undefined);
    expect(sightingSchema.parse(told)).toMatchObject({
      id: seen.id,
      source: '2001:db8::/64',
      portCount: 0,
      trip: { atMs: 5 },
    });
  });

  it('never tells what it saw under the revision of what a killed agent may have told with more', () => {
    const sightings = createSightings(JUDGE, v7);
    sightings.observe(SOURCE, probe(22, 1));
    sightings.trip(SOURCE, 1);
    const [told] = sightings.drain('all', () => undefined);
    const block = {
      ...({ atMs: 1, untilMs: 9, tier: 'held', engine: 'kernel', backend: 'nftables' } as const),
      ...{ enforced: true, droppedPackets: 0 },
    };
    const seen = { atMs: 1, address: SOURCE, localAddress: '203.0.113.10' };
    const again = sightingSchema.parse(heirloom(SOURCE, seen, { id: told?.id ?? '', block }));
    expect(again).toMatchObject({ id: told?.id, source: SOURCE, ports: {}, trip: { atMs: 1 }, block });
    expect(again.rev).toBeLessThan(told?.rev ?? 0);
  });

  it('forgets quiet sources but keeps those that are blocked', () => {
    const sightings = createSightings(JUDGE, v7);
    for (const [i, source] of ['192.0.2.1', '192.0.2.2'].entries()) sightings.observe(source, probe(i, 1));
    sightings.drain('all', () => undefined);
    sightings.expire(10, (source) => source === '192.0.2.2');
    sightings.touch('192.0.2.1');
    sightings.touch('192.0.2.2');
    expect(sightings.drain('all', () => undefined).map((s) => s.source)).toEqual(['192.0.2.2']);
  });
});
