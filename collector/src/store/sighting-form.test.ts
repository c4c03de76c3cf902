import { portRanges, type Sighting, TRANSPORTS } from '@picket/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { blockHowText, parsePortsText, portsText, techniquesText } from './sighting-form.ts';

const ranges = fc.array(fc.nat(65_535), { minLength: 1, maxLength: 40 }).map((ports) => portRanges(ports));

const anyPorts: fc.Arbitrary<Sighting['ports']> = fc.record(
  Object.fromEntries(TRANSPORTS.map((transport) => [transport, ranges])),
  { requiredKeys: [] },
);

test('ports are the same after their text', () => {
  fc.assert(
    fc.property(anyPorts, (ports) => {
      expect(parsePortsText(portsText(ports))).toEqual(ports);
    }),
  );
});

test('text that holds no ports is read as none', () => {
  // Without a space, which would end the part in which they stand.
  const word = fc.string().map((text) => text.replaceAll(' ', '_'));
  fc.assert(fc.property(word, (text) => Object.keys(parsePortsText(`tcp:${text}x`)).length === 0));
  expect(parsePortsText('')).toEqual({});
});

test('techniques stand by name, whatever order they came in', () => {
  expect(techniquesText({ udp: 2, ack: 1, 'odd-flags': 3 })).toBe('ack=1 odd-flags=3 udp=2');
  expect(techniquesText({})).toBe('');
});

test('who blocks is one word for each, whatever it is called', () => {
  const block = { atMs: 1, untilMs: 2, tier: 'held' as const, droppedPackets: 0 };
  expect(blockHowText({ ...block, engine: 'a b', backend: '', enforced: true })).toBe('held a_b - enforced');
  expect(blockHowText({ ...block, engine: 'kernel', backend: 'log-only', enforced: false })).toBe(
    'held kernel log-only',
  );
});
