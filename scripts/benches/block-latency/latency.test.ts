import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { Packet } from '../../lab/packets.ts';
import { readTrip, readTrips } from './latency.ts';
import { planTrips, STREAM_PORT, sourceOf, streamTimes } from './plan.ts';

const open = (atMs: number, answered: boolean) => ({
  ...{ atMs, port: STREAM_PORT },
  ...(answered && { answeredAtMs: atMs + 0.02 }),
});
const probe = (atMs: number) => ({ atMs, port: 301, answeredAtMs: atMs + 0.02 });

describe('one trip', () => {
  it('takes until the first packet from which on nothing is answered', () => {
    const line = [open(0, true), probe(2), probe(4), open(4, true), open(4.5, true), open(5, false)];
    expect(readTrip([...line, open(5.5, false)], STREAM_PORT)).toEqual({ latencyMs: 1, packetsAfter: 2 });
  });

  it('takes no time when the tripping packet itself is refused', () => {
    const line = [open(0, true), probe(2), { atMs: 4, port: 304 }, open(4.25, false)];
    expect(readTrip(line, STREAM_PORT)).toEqual({ latencyMs: 0, packetsAfter: 0 });
    const late = [...line, open(5, true), open(6, false)];
    expect(readTrip(late, STREAM_PORT)).toEqual({ latencyMs: 2, packetsAfter: 1 });
  });

  it('takes no packet when the very next one is refused', () => {
    const line = [open(0, true), probe(4), open(4.25, false), open(5, false)];
    expect(readTrip(line, STREAM_PORT)).toEqual({ latencyMs: 0.25, packetsAfter: 0 });
  });

  it('is not over while a later packet is answered: one that got lost is no block', () => {
    const line = [open(0, true), probe(4), open(5, false), open(6, true), open(7, false)];
    expect(readTrip(line, STREAM_PORT)).toEqual({ latencyMs: 3, packetsAfter: 1 });
    expect(readTrip(line.slice(0, -1), STREAM_PORT)).toEqual({ latencyMs: undefined, packetsAfter: 1 });
  });

  it('says nothing of a source that was refused before, or that never tripped', () => {
    expect(readTrip([open(0, false), probe(4), open(5, false)], STREAM_PORT)).toBe('refused before its trip');
    expect(readTrip([open(0, true)], STREAM_PORT)).toBe('no tripping packet');
  });
});

it('reads the trips of many sources off one wire, each by its own packets', () => {
  const [host, a, b] = ['203.0.113.11', sourceOf(0), sourceOf(1)];
  const syn = (atMs: number, from: string, toPort: number, seq: number): Packet => ({
    ...{ atMs, from, to: host, tcp: { fromPort: seq, toPort, flags: 'S', seq } },
  });
  const answer = (atMs: number, to: string, fromPort: number, seq: number): Packet => ({
    ...{ atMs, from: host, to, tcp: { fromPort, toPort: seq, flags: 'S.', ack: seq + 1 } },
  });
  const pair = (atMs: number, from: string, seq: number) => [
    syn(atMs, from, STREAM_PORT, seq),
    answer(atMs + 0.01, from, STREAM_PORT, seq),
  ];
  const packets = [
    ...[...pair(0, a, 1), syn(1, a, 301, 2), answer(1.01, a, 301, 2), syn(1.5, a, STREAM_PORT, 3)],
    ...[...pair(2, b, 4), syn(3, b, 301, 5), ...pair(4, b, 6), syn(5, b, STREAM_PORT, 7)],
  ];
  expect(readTrips(packets, host, STREAM_PORT)).toEqual([
    { latencyMs: 0.5, packetsAfter: 0 },
    { latencyMs: 2, packetsAfter: 1 },
  ]);
});

describe('the plan', () => {
  const layout = { trips: 3, probes: 4, windowMs: 150, gapMs: 10 };

  it('has each source ask an open port, then probe, then ask on at once', () => {
    const sends = planTrips(layout, () => 0.5).filter(({ from }) => from === sourceOf(1));
    expect(sends.slice(0, 6).map(({ toPort }) => toPort)).toEqual([
      STREAM_PORT,
      301,
      302,
      303,
      304,
      STREAM_PORT,
    ]);
    expect(sends[5]?.atUs).toBe(sends[4]?.atUs);
    expect(new Set(sends.map(({ fromPort }) => fromPort)).size).toBe(sends.length);
  });

  test('never goes back in time, and trips never overlap', () => {
    const random = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(random, (draws) => {
        const left = [...draws];
        const sends = planTrips(layout, () => left.shift() ?? 0);
        expect(sends.every(({ atUs }, i) => atUs >= (sends[i - 1]?.atUs ?? 0))).toBe(true);
        expect([...new Set(sends.map(({ from }) => from))]).toHaveLength(3);
      }),
    );
  });

  it('asks every tenth of a millisecond first, and thinner later', () => {
    const times = streamTimes(200);
    expect(times.filter((ms) => ms < 19.99)).toHaveLength(200);
    expect(times.at(-1)).toBeGreaterThan(190);
    expect(times.length).toBeLessThan(400);
  });
});
