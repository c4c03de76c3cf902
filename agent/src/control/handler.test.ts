import { describe, expect, it } from 'vitest';
import { setUp } from '../loop/testing.ts';
import { parsePolicy } from '../policy/load.ts';
import { createHandler } from './handler.ts';

const POLICY = parsePolicy('', '');

async function handler({ isDiskFull = false } = {}) {
  const { agent, stance, seen } = await setUp({ isDiskFull });
  await agent.start();
  const handle = createHandler({
    ...{ policy: POLICY, agent, stance, history: '/nowhere', now: Date.now },
    enforces: () => true,
    rotateKey: async () => ({ ok: false, code: 'refused', message: 'not enrolled' }),
    status: async () => {
      throw new Error('not asked');
    },
  });
  const call = (route: string, body: unknown = {}, query = '') =>
    handle({ route, body, query: new URLSearchParams(query) });
  return { call, seen, agent };
}

describe('the answers of an agent', () => {
  it('tell an unknown path and a wrong method apart', async () => {
    const { call, agent } = await handler();
    expect(await call('GET /v1/nothing')).toMatchObject({ status: 404 });
    expect(await call('GET /v1/lift')).toMatchObject({ status: 405 });
    await agent.stop();
  });

  it('name what is wrong with an order, and change nothing', async () => {
    const { call, agent } = await handler();
    const order = { by: 'alice', network: '192.0.2.1', untilMs: Date.now() + 60_000, tier: 'held' };
    for (const [body, words] of [
      [{ ...order, network: '192.0.2.1/24' }, 'canonical'],
      [{ ...order, tier: 'cut' }, 'tier'],
      [{ ...order, by: '' }, 'by'],
      [{ ...order, untilMs: Date.now() - 1 }, 'within 31 days'],
      [{ ...order, untilMs: Date.now() + 32 * 24 * 3_600_000 }, 'within 31 days'],
      [{ ...order, shell: 'rm' }, 'shell'],
    ] as const) {
      const answer = await call('POST /v1/block', body);
      expect(answer.status).toBe(400);
      expect(JSON.stringify(answer.body)).toContain(words);
    }
    expect(agent.figures().localBlocks).toBe(0);
    await agent.stop();
  });

  it('carry orders out, and refuse a block that would lock the host out', async () => {
    const { call, agent } = await handler();
    const untilMs = Date.now() + 60_000;
    const block = (network: string) => ({ by: 'alice', network, untilMs, tier: 'held' });
    expect(await call('POST /v1/block', block('192.0.2.1'))).toMatchObject({
      ...{ status: 200, body: { source: '192.0.2.1', block: { by: 'alice', decidedBy: 'person' } } },
    });
    expect(await call('POST /v1/block', block('203.0.113.1'))).toMatchObject({
      ...{ status: 409, body: { error: '203.0.113.1 is never blocked: gateway' } },
    });
    const allow = { by: 'alice', network: '192.0.2.0/24', untilMs };
    expect(await call('POST /v1/allow', allow)).toMatchObject({ body: { local: 1, shared: 0 } });
    expect(await call('POST /v1/disallow', { by: 'bob', network: '192.0.2.0/24' })).toMatchObject({
      body: { wasAllowed: true },
    });
    expect(await call('POST /v1/unblock', { by: 'bob', network: '192.0.2.1' })).toMatchObject({
      status: 200,
    });
    await agent.stop();
  });

  it('pause also when the disk is full, and say that it will not last', async () => {
    const { call, agent } = await handler({ isDiskFull: true });
    const answer = await call('POST /v1/pause', { by: 'alice', untilMs: Date.now() + 60_000 });
    expect(answer).toMatchObject({ status: 200, body: { stance: { mode: 'paused' }, isKept: false } });
    expect(agent.stance().mode).toBe('paused');
    await agent.stop();
  });

  it('explain one source, and not many as if they were one', async () => {
    const { call, agent } = await handler();
    expect(await call('GET /v1/explain', {}, 'address=192.0.2.0/24')).toMatchObject({ status: 400 });
    expect(await call('GET /v1/explain', {}, 'address=nobody')).toMatchObject({ status: 400 });
    expect(await call('GET /v1/explain', {}, 'address=2001:db8::/64')).toMatchObject({
      ...{ status: 200, body: { source: '2001:db8::/64' } },
    });
    await agent.stop();
  });
});
