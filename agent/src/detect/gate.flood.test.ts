import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Packet, Segment } from '../decode/packet.ts';
import {
  FLAGS,
  HOST,
  listeners,
  PEER,
  packetIn,
  packetOut,
  RULES,
  reset,
  SECOND,
  tcp,
  udp,
} from './gate/testing.ts';
import { createGate, type Gate } from './gate.ts';
import type { Probe } from './probe.ts';

const T = 1_790_000_000_000;

/** A scanner that the host does not answer. */
const SILENT = '192.0.2.77';

function open(): Gate {
  const gate = createGate(RULES);
  gate.setAddresses([HOST, SECOND]);
  gate.learn(listeners([22, 80], [53]), T - 5_000);
  return gate;
}

const anyPort = fc.oneof(fc.constantFrom(0, 22, 23, 53, 80, 700, 2323, 40_000), fc.nat(65_535));
const anyAddress = fc.constantFrom(HOST, SECOND, PEER, '2001:db8::7', '127.0.0.1', '224.0.0.1');

const plainSegment: fc.Arbitrary<Segment> = fc.oneof(
  fc.record({
    kind: fc.constant('tcp' as const),
    sourcePort: anyPort,
    port: anyPort,
    flags: fc.nat(255),
  }),
  fc.record({ kind: fc.constant('udp' as const), sourcePort: anyPort, port: anyPort }),
  fc.record({
    kind: fc.constant('sctp' as const),
    sourcePort: anyPort,
    port: anyPort,
    chunk: fc.option(fc.nat(255), { nil: undefined }),
  }),
  fc.constant({ kind: 'other' as const }),
);

const anyHead = fc.record(
  {
    source: anyAddress,
    destination: anyAddress,
    protocol: fc.constantFrom(6, 17, 132, 253),
    sourcePort: anyPort,
    port: anyPort,
  },
  { requiredKeys: ['source', 'destination', 'protocol'] },
);

const anySegment = fc.oneof(
  plainSegment,
  fc.record({ kind: fc.constant('icmp' as const), type: fc.nat(5), code: fc.nat(5), quoted: anyHead }),
);

const anyPacket: fc.Arbitrary<Packet> = fc
  .record({
    atMs: fc.oneof(
      fc.nat(5_000).map((ms) => T + ms),
      fc.double({ noNaN: true, min: 0, max: 2 * T }),
    ),
    source: anyAddress,
    destination: anyAddress,
    protocol: fc.constantFrom(1, 6, 17, 58, 132, 253),
    segment: anySegment,
    direction: fc.constantFrom('in' as const, 'out' as const, 'unknown' as const),
    cast: fc.constantFrom('unicast' as const, 'broadcast' as const, 'unknown' as const),
    checksum: fc.constantFrom('good' as const, 'bad' as const, 'unknown' as const),
  })
  .map(({ direction, cast, ...packet }) => ({ ...packet, link: { direction, cast } }));

/** All contacts that count in the end. */
function contacts(packets: readonly Packet[]): string[] {
  const gate = open();
  const probes = [
    ...packets.flatMap((packet) => gate.take(packet)),
    ...gate.learn(listeners([22, 80], [53]), T + 60_000),
    ...gate.due(T + 60_200),
  ];
  const keys = probes.map((p) => `${p.address} ${p.localAddress} ${p.transport}/${p.port} ${p.technique}`);
  return [...new Set(keys)].sort();
}

describe('the gate', () => {
  it('takes any packets in any order of time without a fault, and counts only what came to the host', () => {
    fc.assert(
      fc.property(fc.array(anyPacket, { maxLength: 40 }), (packets) => {
        const gate = open();
        const probes = packets.flatMap((packet, i) => [
          ...gate.take(packet),
          ...(i % 7 === 0 ? gate.learn(listeners([22]), packet.atMs) : []),
        ]);
        return probes.every(
          ({ address, localAddress }) =>
            [HOST, SECOND].includes(localAddress) && ![HOST, SECOND, '127.0.0.1'].includes(address),
        );
      }),
    );
  });

  it('counts the same contacts however the packets of different sources are mixed', () => {
    const own = fc.array(
      fc.record({ port: anyPort, sourcePort: anyPort, flags: fc.nat(63), answers: fc.boolean() }),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(own, own, fc.array(fc.boolean(), { maxLength: 60 }), (one, other, turns) => {
        const [a, b] = [conversation(PEER, one), conversation('192.0.2.9', other)];
        expect(contacts(interleave(a, b, turns))).toEqual(contacts([...a, ...b]));
      }),
    );
  });

  it('counts all of a scan, answered or not, amid a flood of a million forged sources, within its bounds', () => {
    const before = heapMb();
    const gate = open();
    const ports = { [PEER]: new Set<number>(), [SILENT]: new Set<number>() };
    const note = (probes: readonly Probe[]) => {
      for (const { address, port } of probes) ports[address]?.add(port);
    };
    for (let i = 0; i < 1_000_000; i++) {
      const atMs = T + i / 100;
      note(gate.take(forged(i, atMs)));
      if (i % 100_000 === 0) note(scan(gate, i / 100_000, atMs));
      if (i % 50_000 === 0) note(gate.learn(listeners([22, 80], [53]), atMs));
    }
    note([...gate.learn(listeners([22, 80], [53]), T + 20_000), ...gate.due(T + 20_000)]);
    const grownMb = heapMb() - before;
    expect([ports[PEER]?.size, ports[SILENT]?.size]).toEqual([10, 10]);
    expect(gate.forgotten).toBeGreaterThan(200_000);
    expect(grownMb).toBeLessThan(48);
    // A million packets take a while on a busy machine.
  }, 180_000);
});

/** One port of two scans, one of them reset by the host. */
function scan(gate: Gate, port: number, atMs: number): Probe[] {
  const knock = packetIn(atMs, tcp(50_000, port, FLAGS.syn));
  const silent = packetIn(atMs, tcp(50_000, port, FLAGS.syn), { source: SILENT });
  return [knock, silent, reset(knock)].flatMap((packet) => gate.take(packet));
}

/** SYNs, ACKs and datagrams in turn, from a million addresses; nothing answers but an open port. */
function forged(i: number, atMs: number): Packet {
  const source = `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`;
  const port = 1 + ((i * 7) % 30_000);
  const kinds = [tcp(1024, port, FLAGS.syn), tcp(1024, port, FLAGS.ack), udp(1024, port)];
  if (i % 4 === 3)
    return packetOut(atMs, tcp(80, 1024 + (i % 60_000), FLAGS.synAck), { destination: source });
  return packetIn(atMs, kinds[i % 4] ?? udp(1024, port), { source });
}

interface Try {
  readonly port: number;
  readonly sourcePort: number;
  readonly flags: number;
  readonly answers: boolean;
}

/** Segments of one source at one time, with a reset where the port is unused and the host answers. */
function conversation(source: string, tries: readonly Try[]): Packet[] {
  return tries.flatMap(({ port, sourcePort, flags, answers }) => {
    const packet = packetIn(T, tcp(sourcePort, port, flags), { source });
    const refusal = packetOut(T, tcp(port, sourcePort, FLAGS.rstAck), { destination: source });
    return answers && port !== 22 && port !== 80 ? [packet, refusal] : [packet];
  });
}

/** Both lists as one, each in its own order. */
function interleave<T>(one: readonly T[], other: readonly T[], turns: readonly boolean[]): T[] {
  const [a, b] = [[...one], [...other]];
  const mixed = turns.flatMap((turn) => (turn ? a : b).splice(0, 1));
  return [...mixed, ...a, ...b];
}

/** What is reachable, MB. */
function heapMb(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 1e6;
}
