import { expect, test } from 'vitest';
import { type DemoFigures, faultsOf, summaryOf } from './demo-summary.ts';

const GOOD: DemoFigures = {
  probesPassed: 3,
  blockMs: 1.5,
  shared: [{ host: 'b', msAfterTrip: 40 }],
  mails: 1,
  innocentOk: true,
  scannerSeesOpenPorts: false,
};

test('a demo that showed everything has no faults, and the summary tells its figures', () => {
  expect(faultsOf(GOOD)).toEqual([]);
  expect(summaryOf(GOOD)).toMatch(/answered 3 probes; 1.5 ms[\s\S]*b 40 ms/);
});

test.each([
  [{ mails: 2 }, /2 mails/],
  [{ mails: 0 }, /0 mails/],
  [{ innocentOk: false }, /innocent/],
  [{ scannerSeesOpenPorts: true }, /open ports/],
])('a demo with %o has a fault', (change, fault) => {
  expect(faultsOf({ ...GOOD, ...change })).toEqual([expect.stringMatching(fault)]);
});
