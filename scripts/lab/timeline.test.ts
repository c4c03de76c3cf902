import { expect, test } from 'vitest';
import { parsePackets } from './packets.ts';
import { blockSpan, probesBetween } from './timeline.ts';

const SCANNER = '203.0.113.200';
const HOST = '203.0.113.11';

/** As `tcpdump -n -tt -S` 4.99 prints them. */
const RECORD = `
1763916000.000100 ARP, Request who-has 203.0.113.11 tell 203.0.113.200, length 28
1763916000.001000 IP 203.0.113.200.40000 > 203.0.113.11.23: Flags [S], seq 100, win 1024, options [mss 1460], length 0
1763916000.001100 IP 203.0.113.11.23 > 203.0.113.200.40000: Flags [R.], seq 0, ack 101, win 0, length 0
1763916000.002000 IP 203.0.113.200.40000 > 203.0.113.11.80: Flags [S], seq 4294967295, win 1024, length 0
1763916000.002100 IP 203.0.113.11.80 > 203.0.113.200.40000: Flags [S.], seq 5, ack 0, win 64240, length 0
1763916000.002200 IP 203.0.113.200.40000 > 203.0.113.11.80: Flags [R], seq 0, win 0, length 0
1763916000.003000 IP 203.0.113.200.40000 > 203.0.113.11.25: Flags [S], seq 100, win 1024, length 0
1763916000.004000 IP 203.0.113.200.40000 > 203.0.113.11.25: Flags [S], seq 100, win 1024, length 0
1763916000.005000 IP 203.0.113.200 > 203.0.113.11: ICMP echo request, id 1, seq 1, length 8
`;

test('probes are paired with their answers, and other packets are none', () => {
  const probes = probesBetween(parsePackets(RECORD), SCANNER, HOST);
  expect(probes.map(({ port, answeredAtMs }) => [port, answeredAtMs !== undefined])).toEqual([
    [23, true],
    [80, true],
    [25, false],
    [25, false],
  ]);
});

test('a block begins between the last answered probe and the next', () => {
  const span = blockSpan(probesBetween(parsePackets(RECORD), SCANNER, HOST));
  expect(span?.passed).toBe(2);
  expect((span?.firstUnansweredAtMs ?? 0) - (span?.firstProbeAtMs ?? 0)).toBeCloseTo(2, 2);
  expect((span?.lastAnsweredAtMs ?? 0) - (span?.firstProbeAtMs ?? 0)).toBeCloseTo(1, 2);
});

test('while the last probe is answered there is no block', () => {
  expect(
    blockSpan([
      { atMs: 1, port: 1 },
      { atMs: 2, port: 2, answeredAtMs: 3 },
    ]),
  ).toBeUndefined();
  expect(blockSpan([])).toBeUndefined();
});

test('IPv6 packets are read with their ports', () => {
  const line =
    '1763916000.5 IP6 2001:db8:1::200.40000 > 2001:db8:1::11.22: Flags [S.], seq 1, ack 2, win 1024, length 0';
  expect(parsePackets(line)).toEqual([
    {
      atMs: 1763916000500,
      from: '2001:db8:1::200',
      to: '2001:db8:1::11',
      tcp: { fromPort: 40000, toPort: 22, flags: 'S.', seq: 1, ack: 2 },
    },
  ]);
});

test('a hundred thousand probes that look the same are paired in no time', () => {
  const probe = (atMs: number) => ({
    atMs,
    from: SCANNER,
    to: HOST,
    tcp: { fromPort: 1, toPort: 80, flags: 'S', seq: 7 },
  });
  const answer = {
    atMs: 0.5,
    from: HOST,
    to: SCANNER,
    tcp: { fromPort: 80, toPort: 1, flags: 'S.', ack: 8 },
  };
  const packets = [probe(0), answer, ...Array.from({ length: 100_000 }, (_, index) => probe(index + 1))];
  expect(blockSpan(probesBetween(packets, SCANNER, HOST))).toMatchObject({
    passed: 1,
    firstUnansweredAtMs: 1,
  });
});
