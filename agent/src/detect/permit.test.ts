import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPermit, type Permit, type PermitRules, type Trip } from './permit.ts';

const rulesArbitrary = fc.record<PermitRules>({
  evidence: fc.constantFrom('any-but-limited', 'any', 'handshake'),
  new_per_minute: fc.integer({ min: 1, max: 50 }),
  clients: fc.constantFrom('handshake', 'any'),
});

const tripsArbitrary = fc
  .array(
    fc.record({
      evidence: fc.constantFrom('handshake' as const, 'forgeable' as const, 'forgeable' as const),
      isClient: fc.boolean(),
      waitMs: fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 90_000 })),
    }),
    { maxLength: 300 },
  )
  .map((steps) => {
    let atMs = 1_780_000_000_000;
    return steps.map(({ waitMs, ...trip }): Trip => {
      atMs += waitMs;
      return { ...trip, atMs };
    });
  });

/** Whether the trip asks the limit at all. */
const asksLimit = (rules: PermitRules, { evidence, isClient }: Trip) =>
  evidence === 'forgeable' && !(isClient && rules.clients === 'handshake');

/**
 * The limit as the kernel keeps it (nft_limit.c): time that passed is credit, no more than `new_per_minute` times the cost
 * of one; what is over costs nothing. Whole numbers, so that nothing is rounded: credit in ms times `new_per_minute`. Where
 * it is just enough, rounding may say either.
 */
function modelOf(rules: PermitRules): (trip: Trip, said: Permit) => Permit {
  const [cost, most] = [60_000, 60_000 * rules.new_per_minute];
  let [credit, lastMs] = [most, Number.NaN];
  return (trip, said) => {
    if (!asksLimit(rules, trip)) return trip.evidence === 'handshake' ? 'block' : 'client';
    if (rules.evidence === 'handshake') return 'limited';
    if (rules.evidence === 'any') return 'block';
    if (!Number.isNaN(lastMs)) credit = Math.min(most, credit + (trip.atMs - lastMs) * rules.new_per_minute);
    lastMs = trip.atMs;
    if (credit < cost || (credit === cost && said === 'limited')) return 'limited';
    credit -= cost;
    return 'block';
  };
}

describe('createPermit', () => {
  it('agrees with the limit of the kernel, whoever trips and when', () => {
    fc.assert(
      fc.property(rulesArbitrary, tripsArbitrary, (rules, trips) => {
        const [permit, model] = [createPermit(rules), modelOf(rules)];
        for (const trip of trips) {
          const said = permit(trip);
          const due = model(trip, said);
          if (said !== due) throw new Error(`${said} for ${due} at ${JSON.stringify(trip)}`);
        }
      }),
    );
  });

  it('never blocks more in any minute than are allowed at once and come back in it', () => {
    fc.assert(
      fc.property(rulesArbitrary, tripsArbitrary, (rules, trips) => {
        fc.pre(rules.evidence === 'any-but-limited');
        const permit = createPermit(rules);
        const blocked = trips.filter((trip) => permit(trip) === 'block' && asksLimit(rules, trip));
        for (const { atMs } of blocked) {
          const inMinute = blocked.filter((other) => other.atMs >= atMs && other.atMs < atMs + 60_000);
          expect(inMinute.length).toBeLessThanOrEqual(2 * rules.new_per_minute);
        }
      }),
    );
  });

  it('blocks again as the limit comes back, one after the other', () => {
    const permit = createPermit({ evidence: 'any-but-limited', new_per_minute: 60, clients: 'handshake' });
    const trip = (atMs: number) => permit({ evidence: 'forgeable', isClient: false, atMs });
    const flood = Array.from({ length: 100 }, () => trip(0));
    expect(flood.filter((said) => said === 'block')).toHaveLength(60);
    expect([trip(999), trip(1_000), trip(1_001), trip(61_001)]).toEqual([
      'limited',
      'block',
      'limited',
      'block',
    ]);
  });
});
