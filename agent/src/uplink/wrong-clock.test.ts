import { type BlockEntry, EVENT, type EventClaims, NO_FACTS } from '@picket/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { policySchema } from '../policy/policy.ts';
import { createLog } from '../report/log.ts';
import type { DesiredList } from './applier.ts';
import { createClock } from './clock.ts';
import { type Bench, eventually, makeBench, sighting } from './testing.ts';
import { startUplink } from './uplink.ts';

let bench: Bench;

beforeEach(async () => {
  bench = await makeBench();
});
afterEach(() => bench.tidy());

const HOUR_MS = 3_600_000;
const SINCE_1970_MS = Date.now() - 5 * HOUR_MS;

describe('a host whose clock is wrong', () => {
  it.each([
    ['shows 1970', -SINCE_1970_MS, 'behind'],
    ['is a day ahead', 24 * HOUR_MS, 'ahead of'],
  ])('and %s blocks as long as the network says, tells right times, and says so', async (_, skewMs, side) => {
    const hostNowMs = () => Date.now() + skewMs;
    const endsAtMs = Date.now() + HOUR_MS;
    const block: BlockEntry = ['198.51.100.1', endsAtMs, 'held', 'scan'];
    let polls = 0;
    bench.fake.on('GET /v1/blocklist', async () =>
      polls++ === 0 ? { status: 200, body: await bench.fake.list([block]) } : () => {},
    );
    const applied: DesiredList[] = [];
    const lines: string[] = [];
    const { stateDir, identity, enrolment } = bench;
    const uplink = await startUplink({
      ...{ stateDir, identity, enrolment, settings: policySchema.parse({}).uplink },
      clock: createClock(hostNowMs),
      log: createLog({ level: 'info', json: false, write: (line) => lines.push(line) }),
      neverBlockFacts: () => NO_FACTS,
      applyBlockList: async (list) => void applied.push(list),
      status: () => ({
        ...{ agentVersion: '0.1.0', engine: 'kernel', firewall: 'nftables', startedAtMs: 1 },
        ...{ addresses: [], localBlocks: 0, probesLost: 0 },
      }),
    });
    try {
      const seenAtMs = hostNowMs();
      uplink.send({ sightings: [sighting({ firstAtMs: seenAtMs, lastAtMs: seenAtMs })] }, { urgent: true });
      const events = () =>
        bench.fake.seenOn('/v1/events').map(({ claims }) => (claims as EventClaims).events);
      await eventually(() => events().some((each) => each[EVENT.sightings])).toBe(true);
      const told = events().flatMap((each) => each[EVENT.sightings]?.sightings ?? [])[0];
      expect(Math.abs((told?.firstAtMs ?? 0) - (seenAtMs - skewMs))).toBeLessThan(5_000);
      await eventually(() => applied.length).toBeGreaterThan(0);
      const untilMs = applied.at(-1)?.entries.get('198.51.100.1')?.[1] ?? 0;
      expect(Math.abs(untilMs - (endsAtMs + skewMs))).toBeLessThan(5_000);
      const offset = () => events().findLast((each) => each[EVENT.status])?.[EVENT.status]?.clockOffsetMs;
      await eventually(() => Math.abs((offset() ?? 0) + skewMs)).toBeLessThan(5_000);
      expect(lines.join('\n')).toContain(`the clock of this host is ${side} the collector`);
      expect(uplink.status().pullFault).toBeUndefined();
    } finally {
      await uplink.stop();
    }
  });
});
