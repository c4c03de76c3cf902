import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { EVENT, NO_FACTS, ROTATED_TYP } from '@picket/protocol';
import { decodeProtectedHeader } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Policy, policySchema } from '../policy/policy.ts';
import { SILENT_LOG } from '../report/log.ts';
import { type Enrolment, loadEnrolment } from './enrolment.ts';
import { FakeCollector, type Seen } from './fake-collector.ts';
import { endedKey, FakeRotation } from './fake-rotation.ts';
import { loadIdentity } from './identity.ts';
import { rotateKey } from './rotate.ts';
import { type KeyFiles, openKeyFiles, settleKeys } from './rotation-files.ts';
import { type Bench, eventually, makeBench, sighting } from './testing.ts';
import { startUplink, type Uplink } from './uplink.ts';

let bench: Bench;
let collector: FakeRotation;

beforeEach(async () => {
  bench = await makeBench();
  collector = new FakeRotation(bench.fake, bench.identity.thumbprint);
});

afterEach(() => bench.tidy());

/** What an agent finds when it starts. */
async function restarted() {
  const enrolment = (await loadEnrolment(bench.stateDir)) as Enrolment;
  const files = openKeyFiles(bench.stateDir);
  return { identity: await settleKeys(await loadIdentity(bench.stateDir), enrolment, files), enrolment };
}

async function rotate(files: KeyFiles = openKeyFiles(bench.stateDir)) {
  const { identity, enrolment } = await restarted();
  return rotateKey({ identity, enrolment, files, urls: [bench.fake.url], http: bench.http });
}

class Killed extends Error {}

/** Files of a process that is killed just before or after the n-th thing that it does with them. */
function killedAt(at: number): KeyFiles {
  const files = openKeyFiles(bench.stateDir);
  let step = 0;
  const cut = <A extends unknown[], T>(verb: (...args: A) => Promise<T>) => {
    return async (...args: A): Promise<T> => {
      if (step++ === at) throw new Killed();
      const done = await verb(...args);
      if (step++ === at) throw new Killed();
      return done;
    };
  };
  return {
    candidate: cut(files.candidate),
    make: cut(files.make),
    enrol: cut(files.enrol),
    promote: cut(files.promote),
    discard: cut(files.discard),
  };
}

describe('a host that rotates its key', () => {
  it('has a new one that only it can read, and the former one is gone', async () => {
    const result = await rotate();
    const { identity, enrolment } = await restarted();
    expect(result).toMatchObject({ ok: true, formerUntilMs: 2_000_000_000_000 });
    expect([...collector.keys]).toEqual([
      [bench.identity.thumbprint, identity.thumbprint],
      [identity.thumbprint, undefined],
    ]);
    expect(enrolment.hostKey).toBe(identity.thumbprint);
    expect((await readdir(bench.stateDir)).sort()).toEqual(['enrolment.json', 'identity.jwk']);
    expect((await stat(join(bench.stateDir, 'identity.jwk'))).mode & 0o777).toBe(0o600);
  });

  // Four verbs, each with a before and an after: eight moments.
  it.each([0, 1, 2, 3, 4, 5, 6, 7])(
    'speaks with a key that the collector takes when killed at moment %i, and ends it with the same new key later',
    async (moment) => {
      await expect(rotate(killedAt(moment))).rejects.toThrow(Killed);
      const between = await restarted();
      expect(collector.keys.has(between.identity.thumbprint)).toBe(true);
      expect(between.enrolment.hostKey).toBe(between.identity.thumbprint);
      const wasDone = between.identity.thumbprint !== bench.identity.thumbprint;
      expect(await rotate()).toMatchObject({ ok: true });
      const after = await restarted();
      expect(after.enrolment.hostKey).toBe(after.identity.thumbprint);
      expect(collector.keys.get(after.identity.thumbprint)).toBeUndefined();
      expect(collector.keys.size).toBe(wasDone ? 3 : 2);
      expect((await readdir(bench.stateDir)).sort()).toEqual(['enrolment.json', 'identity.jwk']);
    },
  );

  it('goes on with the same new key when the answer was lost', async () => {
    collector.losesAnswers = true;
    expect(await rotate()).toMatchObject({ ok: false, code: 'unreachable' });
    expect((await restarted()).identity.thumbprint).toBe(bench.identity.thumbprint);
    collector.losesAnswers = false;
    expect(await rotate()).toMatchObject({ ok: true });
    expect(collector.keys.size).toBe(2);
  });

  it('asks with the new one alone when the present one ended before the answer was heard', async () => {
    collector.losesAnswers = true;
    await rotate();
    collector.losesAnswers = false;
    collector.ended.add(bench.identity.thumbprint);
    expect(await rotate()).toMatchObject({ ok: true });
    expect((await restarted()).identity.thumbprint).not.toBe(bench.identity.thumbprint);
    expect(collector.keys.size).toBe(2);
  });

  it('does not take a new one that the collector never had, when the present one is refused', async () => {
    await openKeyFiles(bench.stateDir).make('next');
    collector.ended.add(bench.identity.thumbprint);
    expect(await rotate()).toMatchObject({ ok: false, code: 'refused' });
    expect((await restarted()).identity.thumbprint).toBe(bench.identity.thumbprint);
  });

  it('keeps its key when the answer is not the collector’s', async () => {
    bench.fake.on('POST /v1/host-keys', async () => ({
      status: 200,
      body: await bench.fake.sign(ROTATED_TYP, { iss: 'x', aud: 'y', iat: 1 }),
    }));
    expect(await rotate()).toMatchObject({ ok: false, code: 'bad_reply' });
    expect((await restarted()).identity.thumbprint).toBe(bench.identity.thumbprint);
  });

  it('is told what to do when a former key of it came back from a backup', async () => {
    collector.keys.set(bench.identity.thumbprint, 'another');
    const result = await rotate();
    expect(result).toMatchObject({ ok: false, code: 'refused' });
    expect(result.ok ? '' : result.message).toContain('--new-identity');
  });

  it('signs with the new one at once while it runs, and what it spooled before is still pushed', async () => {
    bench.fake.on('GET /v1/blocklist', () => () => {});
    bench.fake.on('POST /v1/events', () => ({ status: 503 }));
    const { identity } = bench;
    const uplink = await start();
    try {
      uplink.send({ sightings: [sighting()] }, { urgent: true });
      await uplink.flush();
      const result = await uplink.rotateKey();
      const next = result.ok ? result.identity.thumbprint : '';
      uplink.send({ sightings: [sighting({ trip: { atMs: 1 } })] }, { urgent: true });
      await uplink.flush();
      bench.fake.seen.length = 0;
      bench.fake.on('POST /v1/events', () => ({ status: 202 }));
      await eventually(() => uplink.status().spool?.batches).toBe(0);
      const signers = bench.fake
        .seenOn('/v1/events')
        .filter(isSightings)
        .map(({ body }) => decodeProtectedHeader(body).kid);
      expect(new Set(signers)).toEqual(new Set([next, identity.thumbprint]));
    } finally {
      await uplink.stop();
    }
  });

  it('has one new key more for each order, however close they come', async () => {
    bench.fake.on('GET /v1/blocklist', () => () => {});
    const uplink = await start();
    try {
      const results = await Promise.all([uplink.rotateKey(), uplink.rotateKey(), uplink.rotateKey()]);
      expect(results.map(({ ok }) => ok)).toEqual([true, true, true]);
      expect(collector.keys.size).toBe(4);
      expect((await readdir(bench.stateDir)).filter((name) => name.startsWith('identity'))).toEqual([
        'identity.jwk',
      ]);
    } finally {
      await uplink.stop();
    }
  });

  it('asks first on the URL that is in use', async () => {
    const other = await FakeCollector.start();
    bench.fake.on('GET /v1/blocklist', () => () => {});
    const uplink = await start({ urls: [other.url, bench.fake.url] });
    try {
      await eventually(() => uplink.status().url).toBe(bench.fake.url);
      expect(await uplink.rotateKey()).toMatchObject({ ok: true });
      expect(other.seenOn('/v1/host-keys')).toEqual([]);
    } finally {
      await uplink.stop();
      await other.stop();
    }
  });

  it('ends a rotation itself when its present key is no longer taken, and loses nothing that it sealed with that', async () => {
    const dead = bench.identity.thumbprint;
    const isDead = (jws: string): boolean =>
      collector.ended.has(dead) && decodeProtectedHeader(jws).kid === dead;
    bench.fake.on('GET /v1/blocklist', async ({ headers }) => {
      if (isDead(headers.authorization?.replace('Bearer ', '') ?? '')) return endedKey(401);
      return { status: 200, body: await bench.fake.list([]), headers: { 'retry-after': '1' } };
    });
    bench.fake.on('POST /v1/events', ({ body }) => (isDead(body) ? endedKey() : { status: 202 }));
    const uplink = await start();
    try {
      await eventually(() => uplink.status().lastContactMs).toBeDefined();
      collector.losesAnswers = true;
      expect(await uplink.rotateKey()).toMatchObject({ ok: false });
      collector.ended.add(dead);
      const seen = sighting({ trip: { atMs: 1 } });
      uplink.send({ sightings: [seen] }, { urgent: true });
      await uplink.flush();
      collector.losesAnswers = false;
      await eventually(() => uplink.status().spool?.batches).toBe(0);
      expect(uplink.status().rejected).toBe(0);
      const { body = '', claims } = bench.fake.seenOn('/v1/events').findLast(isSightings) ?? {};
      expect(decodeProtectedHeader(body).kid).toBe((await restarted()).identity.thumbprint);
      expect(JSON.stringify(claims)).toContain(seen.id);
    } finally {
      await uplink.stop();
    }
  });
});

const isSightings = ({ claims }: Seen): boolean => EVENT.sightings in (claims.events as object);

function start(uplink: Partial<Policy['uplink']> = {}): Promise<Uplink> {
  const { stateDir, identity, enrolment } = bench;
  return startUplink({
    ...{
      stateDir,
      identity,
      enrolment,
      settings: { ...policySchema.parse({}).uplink, ...uplink },
      log: SILENT_LOG,
    },
    neverBlockFacts: () => NO_FACTS,
    applyBlockList: async () => {},
    status: () => ({
      ...{ agentVersion: '0.1.0', engine: 'kernel', firewall: 'nftables', startedAtMs: 1 },
      ...{ addresses: [], localBlocks: 0, probesLost: 0 },
    }),
  });
}
