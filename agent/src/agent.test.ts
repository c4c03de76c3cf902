import { describe, expect, it, vi } from 'vitest';
import { agentsInFakeTime, HOUR_MS, list, probe, SCANNER } from './loop/testing.ts';

describe('createAgent', () => {
  const begin = agentsInFakeTime();

  it('has its never-block networks in force before it watches', async () => {
    const seen = await begin();
    expect(seen.wants[0]?.allow).toEqual(
      expect.arrayContaining(['203.0.113.1', '203.0.113.10', '203.0.113.50']),
    );
    expect(seen.wants[0]?.allow).toEqual(
      expect.arrayContaining(['fe80::/10', '169.254.0.0/16', '127.0.0.0/8']),
    );
  });

  it("tells the kernel's trip at once, as one block, however often it is logged", async () => {
    const seen = await begin();
    for (const port of [21, 22, 23, 25]) seen.sink?.probe(probe(port));
    expect(seen.sent).toEqual([]);
    seen.sink?.trip(probe(25), 'held');
    seen.sink?.trip(probe(26), 'held');
    expect(seen.sent).toHaveLength(1);
    expect(seen.sent[0]?.sightings?.[0]).toMatchObject({
      source: SCANNER,
      portCount: 4,
      trip: {},
      block: { tier: 'held', engine: 'kernel', enforced: true },
    });
    await vi.advanceTimersByTimeAsync(0);
    expect(seen.said.filter((line) => line.startsWith('blocked'))).toEqual([`blocked ${SCANNER}`]);
  });

  it('decides itself where the engine does not, and blocks through the firewall', async () => {
    const seen = await begin({ decides: false });
    for (const port of [21, 22, 23, 25]) seen.sink?.probe(probe(port));
    await vi.advanceTimersByTimeAsync(0);
    expect(seen.wants.at(-1)?.local.get(SCANNER)).toMatchObject({ decidedBy: 'agent' });
    expect(seen.said.at(-1)).toBe(`blocked ${SCANNER}`);
  });

  it('never counts the gateway, nor the collector', async () => {
    const seen = await begin({ decides: false });
    for (const address of ['203.0.113.1', '203.0.113.50']) {
      for (const port of [1, 2, 3, 4, 5]) seen.sink?.probe(probe(port, address));
    }
    await vi.advanceTimersByTimeAsync(5_000);
    expect([seen.sent, [...(seen.wants.at(-1)?.local.keys() ?? [])]]).toEqual([[], []]);
  });

  it('tells probes without a trip within seconds, and what the block refused since within a minute', async () => {
    const seen = await begin();
    const { agent } = seen;
    seen.sink?.probe(probe(21));
    await vi.advanceTimersByTimeAsync(3_000);
    expect(seen.sent.at(-1)?.sightings?.[0]).toMatchObject({ rev: 2, portCount: 1 });
    seen.sink?.trip(probe(22), 'held');
    seen.inForce = [{ source: SCANNER, untilMs: Date.now() + HOUR_MS, tier: 'held', packets: 12 }];
    await vi.advanceTimersByTimeAsync(60_000);
    expect(seen.sent.at(-1)?.sightings?.[0]?.block?.droppedPackets).toBe(12);
    expect(agent.status()).toMatchObject({ localBlocks: 1, probesLost: 3 });
  });

  it('takes up what the kernel blocked while no agent was reading', async () => {
    const seen = await begin({ found: [{ source: SCANNER, untilMs: Date.now() + 1_000, tier: 'held' }] });
    expect(seen.sent[0]?.sightings?.[0]).toMatchObject({ source: SCANNER, trip: {}, portCount: 0 });
  });

  it('takes up what the kernel blocked and could not tell in a flood', async () => {
    const seen = await begin();
    seen.inForce = [{ source: SCANNER, untilMs: Date.now() + HOUR_MS, tier: 'held', packets: 5 }];
    await vi.advanceTimersByTimeAsync(70_000);
    expect(seen.said.filter((line) => line.startsWith('blocked'))).toEqual([`blocked ${SCANNER}`]);
    const told = seen.sent.flatMap((out) => out.sightings ?? []);
    expect(told[0]).toMatchObject({ source: SCANNER, trip: {} });
    expect(new Set(told.map((sighting) => sighting.id)).size).toBe(1);
  });

  it('ends a block in time, and a scanner that comes back is a new sighting', async () => {
    const seen = await begin();
    seen.sink?.probe(probe(21));
    seen.sink?.trip(probe(21), 'held');
    const first = seen.sent[0]?.sightings?.[0]?.id;
    await vi.advanceTimersByTimeAsync(HOUR_MS + 2_000);
    expect(seen.said).toContain(`ended ${SCANNER}: its time is over`);
    seen.sink?.probe(probe(22));
    seen.sink?.trip(probe(22), 'held');
    const second = seen.sent.at(-1)?.sightings?.[0];
    expect(second?.id).not.toBe(first);
    expect(second?.trip?.atMs).toBeGreaterThan(HOUR_MS);
  });

  it('takes a trip in the moment a block ends for a new one, and keeps it in force', async () => {
    const seen = await begin();
    seen.sink?.probe(probe(21));
    seen.sink?.trip(probe(21), 'held');
    await vi.advanceTimersByTimeAsync(HOUR_MS - 500);
    vi.setSystemTime(Date.now() + 600);
    seen.sink?.probe(probe(22));
    seen.sink?.trip(probe(22), 'held');
    await vi.advanceTimersByTimeAsync(2_000);
    expect(seen.wants.at(-1)?.local.get(SCANNER)?.untilMs).toBeGreaterThan(Date.now());
    expect(new Set(seen.sent.flatMap((out) => out.sightings?.map((s) => s.id) ?? [])).size).toBe(2);
  });

  it('lifts its own block when a person lifts the shared one, but not when that merely ends', async () => {
    const seen = await begin();
    const { agent } = seen;
    const end = Date.now() + 4 * HOUR_MS;
    seen.sink?.probe(probe(21));
    seen.sink?.trip(probe(21), 'held');
    await agent.applyShared(list([[SCANNER, end, 'held', 'x']]));
    await agent.applyShared(list([], [SCANNER]));
    expect(seen.wants.at(-1)?.local.size).toBe(0);
    expect(seen.sent.at(-1)?.unblocks).toMatchObject([{ source: SCANNER }]);

    seen.sink?.probe(probe(22));
    seen.sink?.trip(probe(22), 'held');
    await agent.applyShared(list([[SCANNER, Date.now() + 10, 'held', 'x']]));
    await agent.applyShared(list([], [SCANNER]));
    expect(seen.wants.at(-1)?.local.has(SCANNER)).toBe(true);
  });

  it('keeps connections of shared sources too, unless the policy cuts them', async () => {
    const seen = await begin();
    const { agent } = seen;
    await agent.applyShared(list([[SCANNER, Date.now() + HOUR_MS, 'dropped', 'x']]));
    expect(seen.shared.get(SCANNER)?.tier).toBe('held');
  });

  it('goes on to detect while it is paused, carries nothing out, and tells so', async () => {
    const seen = await begin();
    const { agent } = seen;
    seen.sink?.probe(probe(21));
    seen.sink?.trip(probe(21), 'held');
    const untilMs = Date.now() + HOUR_MS / 2;
    await seen.stance.pause({ atMs: Date.now(), untilMs, by: 'root' });
    await agent.applyMode();
    expect(seen.wants.at(-1)).toMatchObject({ enforce: false });
    expect(seen.wants.at(-1)?.local.has(SCANNER)).toBe(true);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(seen.sent.at(-1)?.sightings?.[0]?.block?.enforced).toBe(false);
    seen.sink?.trip(probe(22, '198.51.100.8'), 'held');
    expect(seen.sent.at(-1)?.sightings?.[0]).toMatchObject({ trip: {}, block: { enforced: false } });
    expect(agent.status().mode).toBe('paused');
  });

  it('carries its blocks out again when a pause ends by itself', async () => {
    const seen = await begin();
    const { agent } = seen;
    seen.sink?.trip(probe(21), 'held');
    await seen.stance.pause({ atMs: Date.now(), untilMs: Date.now() + 60_000, by: 'root' });
    await agent.applyMode();
    await vi.advanceTimersByTimeAsync(62_000);
    expect(seen.wants.at(-1)).toMatchObject({ enforce: true });
    expect(seen.wants.at(-1)?.local.has(SCANNER)).toBe(true);
    expect(seen.said.filter((line) => line.startsWith('mode'))).toEqual(['mode paused', 'mode enforce']);
  });

  it('observes while its network wants that, until the end that the network named', async () => {
    const seen = await begin();
    const { agent } = seen;
    const untilMs = Date.now() + 60_000;
    await agent.applyShared({
      ...list([[SCANNER, Date.now() + HOUR_MS, 'held', 'x']]),
      observe: { untilMs },
    });
    expect(seen.wants.at(-1)).toMatchObject({ enforce: false });
    expect(seen.shared.has(SCANNER)).toBe(true);
    await vi.advanceTimersByTimeAsync(62_000);
    expect(seen.wants.at(-1)).toMatchObject({ enforce: true });
    await agent.applyShared({ ...list([]), observe: {} });
    expect(agent.status().mode).toBe('observe');
    await agent.applyShared(list([]));
    expect(agent.status().mode).toBe('enforce');
  });

  it('lifts every block at once, tells it, and keeps shared ones off until the network decides anew', async () => {
    const seen = await begin();
    const { agent } = seen;
    const end = Date.now() + HOUR_MS;
    const other = '203.0.113.200';
    seen.sink?.trip(probe(21), 'held');
    await agent.applyShared(list([[other, end, 'held', 'x']]));
    expect(await agent.liftAll('alice')).toEqual({ local: 1, shared: 1 });
    expect([seen.wants.at(-1)?.local.size, seen.shared.size]).toEqual([0, 0]);
    expect(seen.sent.at(-1)?.unblocks?.map(({ source }) => source)).toEqual([SCANNER, other]);
    expect(seen.said).toContain('all lifted by alice: 1, 1');
    await agent.applyShared(list([[other, end, 'held', 'x']]));
    expect(seen.shared.size).toBe(0);
    expect(agent.figures()).toMatchObject({ localBlocks: 0, sharedBlocks: 0, sharedLifted: 1 });
    expect(agent.known(other)).toMatchObject({ shared: { isLifted: true } });
    await agent.applyShared(list([[other, end + HOUR_MS, 'held', 'x']]));
    expect(seen.shared.has(other)).toBe(true);
  });
});
