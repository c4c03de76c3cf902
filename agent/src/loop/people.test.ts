import type { BlockEntry } from '@picket/protocol';
import { describe, expect, it, vi } from 'vitest';
import { agentsInFakeTime, HOUR_MS, list, probe, SCANNER } from './testing.ts';

describe('what people of a host order', () => {
  const begin = agentsInFakeTime();
  const order = (network: string) => ({
    ...{ network, untilMs: Date.now() + HOUR_MS, tier: 'dropped' as const, by: 'alice' },
  });

  it('is in force at once, told on the host and told to the collector: a block', async () => {
    const seen = await begin();
    const { agent } = seen;
    expect(await agent.block(order('192.0.2.9'))).toMatchObject({ ok: true, block: { by: 'alice' } });
    expect(seen.wants.at(-1)?.local.get('192.0.2.9')).toMatchObject({ tier: 'dropped', decidedBy: 'person' });
    expect(seen.said).toContain('blocked 192.0.2.9');
    expect(seen.sent.at(-1)?.acts).toMatchObject([{ act: 'block', source: '192.0.2.9', by: 'alice' }]);
  });

  it('never blocks whom the host never blocks, nor what no host blocks', async () => {
    const { agent } = await begin();
    expect(await agent.block(order('203.0.113.1'))).toEqual({
      ok: false,
      why: '203.0.113.1 is never blocked: gateway',
    });
    expect(await agent.block(order('192.0.2.0/24'))).toMatchObject({ ok: false });
    expect(await agent.block(order('2001:db8::1'))).toMatchObject({ block: { source: '2001:db8::/64' } });
  });

  it('a block waits for the command of the policy where that is to run first, and is not made when it is lifted meanwhile', async () => {
    const seen = await begin();
    const { agent, commands } = seen;
    commands.hold = true;
    let isInForce = false;
    const done = agent.block(order('192.0.2.9')).then((made) => {
      isInForce = made.ok;
      return made;
    });
    await vi.advanceTimersByTimeAsync(1_000);
    expect([commands.before, isInForce, agent.known('192.0.2.9').block]).toEqual([
      ['192.0.2.9'],
      false,
      undefined,
    ]);
    commands.letGo();
    expect(await done).toMatchObject({ ok: true });
    expect(seen.wants.at(-1)?.local.has('192.0.2.9')).toBe(true);
    const lifted = agent.block(order('192.0.2.10'));
    await vi.advanceTimersByTimeAsync(10);
    await agent.unblock('192.0.2.10', 'bob');
    commands.letGo();
    expect(await lifted).toMatchObject({ ok: false, why: expect.stringContaining('lifted or allowed') });
    expect(agent.known('192.0.2.10').block).toBeUndefined();
  });

  it('an unblock lifts both blocks of the source and of nobody else, and pardons it', async () => {
    const seen = await begin();
    const { agent } = seen;
    const end = Date.now() + HOUR_MS;
    for (const address of [SCANNER, '198.51.100.8']) seen.sink?.trip(probe(21, address), 'held');
    await agent.applyShared(list([[SCANNER, end, 'held', 'x'] as const, ['192.0.2.0/24', end, 'held', 'x']]));
    expect(await agent.unblock(SCANNER, 'alice')).toEqual({ local: 1, shared: 1 });
    expect([...(seen.wants.at(-1)?.local.keys() ?? [])]).toEqual(['198.51.100.8']);
    expect([...seen.shared.keys()]).toEqual(['192.0.2.0/24']);
    expect(seen.sent.at(-1)?.unblocks).toMatchObject([
      { source: SCANNER, reason: expect.stringMatching('alice') },
    ]);
    expect(seen.sent.at(-2)?.acts).toMatchObject([{ act: 'unblock', source: SCANNER }]);
    vi.setSystemTime(Date.now() + 10);
    seen.sink?.trip(probe(22), 'held');
    expect((agent.known(SCANNER).block?.untilMs ?? 0) - Date.now()).toBeLessThanOrEqual(HOUR_MS);
    expect(await agent.unblock('192.0.2.7', 'alice')).toEqual({ local: 0, shared: 1 });
  });

  it('an unblock holds however far off the clock of the host is, and whenever that is found out', async () => {
    const { agent } = await begin();
    const decided = Date.now() + HOUR_MS;
    const entry = (untilMs: number): BlockEntry => [SCANNER, untilMs, 'held', 'x'];
    const off = (ms: number) => list([entry(decided + ms)], [], [entry(decided)]);
    await agent.applyShared(off(90_000));
    expect(await agent.unblock(SCANNER, 'alice')).toEqual({ local: 0, shared: 1 });
    for (const ms of [0, 90_000, -1_800_000, 86_400_000]) {
      await agent.applyShared(off(ms));
      expect([ms, agent.known(SCANNER).shared?.isLifted]).toEqual([ms, true]);
    }
    const anew = entry(decided + 60_000);
    await agent.applyShared(list([anew], [], [anew]));
    expect(agent.known(SCANNER).shared?.isLifted).toBe(false);
  });

  it('news of a trip from before an unblock, or a lift of all, blocks nobody again', async () => {
    const seen = await begin();
    const { agent } = seen;
    const [late, later] = [probe(21), probe(21, '198.51.100.8')];
    vi.setSystemTime(Date.now() + 50);
    await agent.unblock(SCANNER, 'alice');
    seen.sink?.trip(late, 'held');
    expect(agent.known(SCANNER).block).toBeUndefined();
    await agent.liftAll('alice');
    seen.sink?.trip(later, 'held');
    expect(agent.known('198.51.100.8').block).toBeUndefined();
  });

  it('an allowance lifts what it covers, protects while it lasts, and can be taken back', async () => {
    const seen = await begin();
    const { agent } = seen;
    seen.sink?.trip(probe(21), 'held');
    const untilMs = Date.now() + 60_000;
    const done = await agent.allow({ network: '198.51.100.0/24', untilMs, by: 'alice' });
    expect(done).toMatchObject({ ok: true, lifted: { local: 1 } });
    expect(seen.wants.at(-1)?.allow).toContain('198.51.100.0/24');
    expect(agent.known(SCANNER).protection).toBe('allow list');
    expect(await agent.disallow('198.51.100.0/24', 'bob')).toBe(true);
    expect(await agent.disallow('198.51.100.0/24', 'bob')).toBe(false);
    expect(seen.wants.at(-1)?.allow).not.toContain('198.51.100.0/24');
    expect(seen.said).toEqual(
      expect.arrayContaining(['allowed 198.51.100.0/24', 'disallowed 198.51.100.0/24']),
    );
    await agent.allow({ network: SCANNER, untilMs, by: 'alice' });
    await vi.advanceTimersByTimeAsync(95_000);
    expect(agent.known(SCANNER).protection).toBeUndefined();
    expect(seen.wants.at(-1)?.allow).not.toContain(SCANNER);
  });
});
