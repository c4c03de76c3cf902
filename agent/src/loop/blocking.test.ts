import { v7 } from 'uuid';
import { describe, expect, it, vi } from 'vitest';
import { formatBook, parseBook } from '../blocks/book.ts';
import { agentsInFakeTime, HOUR_MS, list, probe, SCANNER } from './testing.ts';

describe('blocking', () => {
  const begin = agentsInFakeTime();

  it('blocks a source that comes back longer each time, in place of the hold of the kernel', async () => {
    const seen = await begin();
    const { agent } = seen;
    for (const hours of [1, 4, 16]) {
      seen.sink?.trip(probe(21), 'held');
      const block = agent.known(SCANNER).block;
      expect((block?.untilMs ?? 0) - Date.now()).toBe(hours * HOUR_MS);
      // A block of the first length is the kernel's own already; a longer one has to be put there.
      expect(block?.decidedBy).toBe(hours === 1 ? 'kernel' : 'agent');
      await vi.advanceTimersByTimeAsync(hours * HOUR_MS + 1_000);
      expect(agent.known(SCANNER).block).toBeUndefined();
    }
    expect(seen.wants.at(-1)?.local.size).toBe(0);
  });

  it('forgets one offence in a week of good behaviour', async () => {
    const seen = await begin();
    const { agent } = seen;
    for (const wait of [HOUR_MS, 4 * HOUR_MS]) {
      seen.sink?.trip(probe(21), 'held');
      await vi.advanceTimersByTimeAsync(wait + 1_000);
    }
    vi.setSystemTime(Date.now() + 7 * 24 * HOUR_MS);
    seen.sink?.trip(probe(21), 'held');
    expect((agent.known(SCANNER).block?.untilMs ?? 0) - Date.now()).toBe(4 * HOUR_MS);
  });

  it('makes a block longer too that the kernel made while no agent was reading', async () => {
    const found = { source: SCANNER, untilMs: Date.now() + HOUR_MS, tier: 'held' as const };
    const seen = await begin({ found: [found] });
    const { agent } = seen;
    expect(agent.known(SCANNER).block?.untilMs).toBe(found.untilMs);
    await vi.advanceTimersByTimeAsync(HOUR_MS + 1_000);
    const again = { ...found, untilMs: Date.now() + HOUR_MS - 20_000, packets: 1 };
    seen.inForce = [again];
    await vi.advanceTimersByTimeAsync(31_000);
    expect((agent.known(SCANNER).block?.untilMs ?? 0) - again.untilMs).toBe(3 * HOUR_MS);
  });

  it('tells a known client that trips, and does not block it', async () => {
    const seen = await begin();
    const { agent } = seen;
    seen.sink?.probe(probe(21));
    seen.sink?.trip(probe(22), 'client');
    seen.sink?.trip(probe(23), 'client');
    expect(agent.known(SCANNER).block).toBeUndefined();
    expect(seen.said.filter((line) => line.startsWith('spared'))).toEqual([`spared ${SCANNER}: client`]);
    const told = seen.sent.at(-1)?.sightings?.[0];
    expect(told).toMatchObject({ successes: 1, trip: {}, evidence: 'forgeable' });
    expect(told?.block).toBeUndefined();
  });

  it('tells a source that was spared and is held now, unheard, under the one name it has', async () => {
    const seen = await begin();
    seen.sink?.probe(probe(21));
    seen.sink?.trip(probe(22), 'client');
    const id = seen.sent.at(-1)?.sightings?.[0]?.id;
    seen.inForce = [{ source: SCANNER, untilMs: Date.now() + HOUR_MS, tier: 'held', packets: 0 }];
    await vi.advanceTimersByTimeAsync(62_000);
    const told = seen.sent.flatMap(({ sightings = [] }) => sightings);
    expect(new Set(told.map((sighting) => sighting.id))).toEqual(new Set([id]));
    expect(told.at(-1)).toMatchObject({ trip: {}, block: { tier: 'held' }, ports: { tcp: [[21, 21]] } });
    expect(parseBook(seen.saved)).toMatchObject([{ source: SCANNER, untoldAs: id }]);
    expect(seen.said).toContain(`blocked ${SCANNER}`);
  });

  it('tells again, as the least word of all, what a killed agent may have told, in force or ended', async () => {
    const of = (source: string, lastsMs: number) => ({
      ...{ source, atMs: Date.now() - HOUR_MS, untilMs: Date.now() + lastsMs, untoldAs: v7() },
      ...({ tier: 'held', decidedBy: 'kernel', droppedPackets: 0 } as const),
    });
    const [live, over] = [of(SCANNER, HOUR_MS), of('198.51.100.8', -1_000)];
    const seen = await begin({ saved: formatBook(new Map([live, over].map((each) => [each.source, each]))) });
    const told = seen.sent.flatMap(({ sightings = [] }) => sightings);
    expect(told).toMatchObject(
      [live, over].map(({ source, untoldAs: id, untilMs }) => ({ source, id, rev: 1, block: { untilMs } })),
    );
    expect(seen.said.filter((line) => line.startsWith('blocked'))).toEqual([`blocked ${SCANNER}`]);
    expect([...(seen.wants.at(-1)?.local.keys() ?? [])]).toEqual([SCANNER]);
  });

  it('says at once that it blocks nobody new, and a minute after the last that it does again', async () => {
    const seen = await begin();
    const { agent } = seen;
    for (let i = 1; i < 100; i++) seen.sink?.trip(probe(21, `198.51.100.${i}`), 'limited');
    expect(seen.said.filter((line) => line.startsWith('limiting'))).toEqual(['limiting true']);
    expect(agent.status().isLimiting).toBe(true);
    expect(agent.status().localBlocks).toBe(0);
    await vi.advanceTimersByTimeAsync(59_000);
    expect(agent.status().isLimiting).toBe(true);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(seen.said.filter((line) => line.startsWith('limiting'))).toEqual([
      'limiting true',
      'limiting false',
    ]);
    // What is over the limit is no trip to the network: it would share what was forged.
    const told = seen.sent.flatMap(({ sightings = [] }) => sightings);
    expect(told.some((sighting) => sighting.trip !== undefined)).toBe(false);
  });
});

describe("a probe from one of the network's own hosts", () => {
  const begin = agentsInFakeTime();

  it('blocks nobody, and is told loudly once it is a scan', async () => {
    const seen = await begin();
    const { agent } = seen;
    const sibling = '192.0.2.44';
    await agent.applyShared({ ...list([]), allow: [sibling], hosts: [sibling] });
    expect(seen.wants.at(-1)).toMatchObject({
      siblings: [sibling],
      allow: expect.arrayContaining([sibling]),
    });
    for (const port of [21, 22, 23]) seen.sink?.probe(probe(port, sibling));
    expect(seen.said).not.toContain(`sibling ${sibling}`);
    for (const port of [25, 26, 27]) seen.sink?.probe(probe(port, sibling));
    expect(seen.said.filter((line) => line === `sibling ${sibling}`)).toHaveLength(1);
    expect(agent.known(sibling)).toMatchObject({ block: undefined, protection: 'allow list' });
    expect(seen.sent.at(-1)?.sightings).toMatchObject([{ source: sibling, trip: {} }]);
  });
});
