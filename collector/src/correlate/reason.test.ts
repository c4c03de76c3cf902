import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { SeenPorts } from './evidence.ts';
import { reasonText } from './reason.ts';

const NO_PORTS = { tcp: [], udp: [] };

test('a reason names the host and the ports', () => {
  const ports: SeenPorts = {
    tcp: [
      [21, 21],
      [23, 23],
      [80, 82],
    ],
    udp: [[53, 53]],
  };
  expect(reasonText({ tripped: ['web-1'], probed: [], ports })).toBe(
    'tripped on web-1; ports tcp 21,23,80-82, udp 53',
  );
});

test('a reason names SCTP ports and IP protocols', () => {
  expect(reasonText({ tripped: ['web-1'], probed: [], ports: { sctp: [[80, 80]], ip: [[61, 63]] } })).toBe(
    'tripped on web-1; ports sctp 80, ip 61-63',
  );
});

test('a reason names two hosts and counts the others', () => {
  expect(reasonText({ tripped: [], probed: ['c', 'a', 'b', 'd'], ports: NO_PORTS })).toBe(
    'probed a, b and 2 more',
  );
});

test('a reason stays one short line of plain text, whatever hosts call themselves', () => {
  const range = fc.tuple(fc.nat(65_535), fc.nat(65_535));
  const names = fc.array(fc.string({ unit: 'binary', maxLength: 300 }), { maxLength: 20 });
  fc.assert(
    fc.property(names, fc.array(range, { maxLength: 64 }), (tripped, tcp) => {
      const text = reasonText({ tripped, probed: tripped, ports: { tcp, udp: tcp } });
      expect(text).toMatch(/^[ -~]{1,200}$/);
    }),
  );
});
