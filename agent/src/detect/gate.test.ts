import { describe, expect, it } from 'vitest';
import type { Packet } from '../decode/packet.ts';
import {
  FLAGS,
  HOST,
  listeners,
  PEER,
  packetIn,
  packetOut,
  quote,
  RULES,
  reset,
  SECOND,
  tcp,
  udp,
  unreachable,
} from './gate/testing.ts';
import { createGate, type Gate } from './gate.ts';
import type { Probe } from './probe.ts';

const T = 1_790_000_000_000;

function open(tcpPorts: readonly number[] = [22], udpPorts: readonly number[] = [53]): Gate {
  const gate = createGate(RULES);
  gate.setAddresses([HOST, SECOND, '127.0.0.1']);
  gate.learn(listeners(tcpPorts, udpPorts), T - 5_000);
  return gate;
}

const names = (probes: readonly Probe[]) =>
  probes.map(({ technique, transport, port }) => `${technique} ${transport}/${port}`);

/** What counts of the packets at once, and what after a silent second, with the listeners as they are then. */
function count(gate: Gate, packets: readonly Packet[], later = listeners([22], [53])): string[] {
  const lastMs = Math.max(...packets.map(({ atMs }) => atMs));
  return names([
    ...packets.flatMap((packet) => gate.take(packet)),
    ...gate.learn(later, lastMs + 2_000),
    ...gate.due(lastMs + 2_200),
  ]);
}

const syn = (port: number, atMs = T, more: Partial<Packet> = {}) =>
  packetIn(atMs, tcp(40_000 + (port % 1_000), port, FLAGS.syn), more);

describe('a SYN', () => {
  it('to a port that answers with a reset counts at once', () => {
    const gate = open();
    expect(gate.take(syn(23))).toEqual([]);
    expect(names(gate.take(reset(syn(23))))).toEqual(['syn tcp/23']);
  });

  it('to a second address of the host counts too', () => {
    const gate = open();
    const packet = syn(23, T, { destination: SECOND });
    expect(gate.take(packet)).toEqual([]);
    expect(gate.take(reset(packet))).toMatchObject([{ localAddress: SECOND, port: 23 }]);
  });

  it('that stays without an answer counts when listeners read a second later say that the port is unused', () => {
    const gate = open();
    gate.take(syn(23));
    expect(gate.wantsListenersAtMs).toBe(T + 1_000);
    expect(gate.learn(listeners([22]), T + 900)).toEqual([]);
    expect(gate.due(T + 3_000)).toEqual([]);
    expect(names(gate.learn(listeners([22]), T + 1_000))).toEqual(['syn tcp/23']);
    expect([gate.waiting, gate.wantsListenersAtMs]).toEqual([0, undefined]);
  });

  it('is not decided while its answer may still be in the pipe', () => {
    const gate = open();
    gate.take(syn(8080));
    expect(gate.learn(listeners(), T + 1_500)).toEqual([]);
    expect(gate.take(packetOut(T + 1, tcp(8080, 40_080, FLAGS.synAck)))).toEqual([]);
    expect([gate.due(T + 5_000), gate.waiting]).toEqual([[], 0]);
  });

  it('to a port with a listener never counts, also when a firewall resets it in its name', () => {
    const gate = open();
    expect(count(gate, [syn(22), reset(syn(22))])).toEqual([]);
  });

  it('to a port that opens within the second after it does not count', () => {
    expect(count(open(), [syn(8080)], listeners([22, 8080]))).toEqual([]);
  });

  it('with PSH or URG or ECN asks like any other', () => {
    const packets = [FLAGS.syn | 0x08, FLAGS.syn | 0xe0].map((flags, i) =>
      packetIn(T, tcp(40_000, 23 + i, flags)),
    );
    expect(count(open(), packets)).toHaveLength(2);
    expect(count(open([23, 24]), packets)).toEqual([]);
  });

  it.each([53, 80, 123, 443, 20])('from source port %i is exempt from nothing', (sourcePort) => {
    const packets = [
      packetIn(T, tcp(sourcePort, 23, FLAGS.syn)),
      packetIn(T, udp(sourcePort, 161)),
      packetIn(T, tcp(sourcePort, 24, FLAGS.ack)),
    ];
    expect(count(open(), packets)).toHaveLength(3);
  });
});

describe('an ordinary client is never taken for a scanner', () => {
  it('for late FIN, ACK and RST of a connection to a service, however late', () => {
    for (const lateMs of [130_000, 300_000, 900_000]) {
      const late = [FLAGS.finAck, FLAGS.ack, FLAGS.rst, FLAGS.rstAck, FLAGS.data].map((flags) =>
        packetIn(T + lateMs, tcp(50_000, 22, flags)),
      );
      expect(count(open(), [...late, ...late.slice(0, 2).map(reset)])).toEqual([]);
    }
  });

  it('for late packets to a closed connection of this host', () => {
    const gate = open();
    gate.take(packetOut(T, tcp(700, 2049, FLAGS.syn)));
    gate.take(packetIn(T + 1, tcp(2049, 700, FLAGS.synAck)));
    gate.take(packetOut(T + 9_000, tcp(700, 2049, FLAGS.finAck)));
    const late = [FLAGS.finAck, FLAGS.ack, FLAGS.data, FLAGS.rst].flatMap((flags, i) => [
      packetIn(T + 9_000 + i, tcp(2049, 700, flags)),
      packetIn(T + 900_000 + i, tcp(443, 45_000, flags)),
    ]);
    expect(count(gate, late)).toEqual([]);
  });

  it('for a carrier that maps it to another port or address amid a connection', () => {
    const rebound = packetIn(T, tcp(61_001, 22, FLAGS.data), { source: '198.51.100.99' });
    expect(count(open(), [rebound, reset(rebound)])).toEqual([]);
  });

  it('for a late DNS answer to a closed socket, on an ephemeral port or any other', () => {
    const gate = open();
    gate.take(packetOut(T, udp(5_300, 53)));
    gate.take(packetOut(T, udp(45_000, 53)));
    const answers = [packetIn(T + 100_000, udp(53, 5_300)), packetIn(T + 900_000, udp(53, 45_000))];
    expect(count(gate, [...answers, ...answers.map((answer) => unreachable(answer))])).toEqual([]);
  });

  it('for asking again while a service restarts', () => {
    const gate = open([22, 443]);
    gate.learn(listeners([22]), T);
    const tries = [1, 2, 3].map((i) => syn(443, T + i * 1_000));
    expect(
      count(
        gate,
        tries.flatMap((packet) => [packet, reset(packet)]),
      ),
    ).toEqual([]);
    const late = syn(443, T + 3_700_000);
    expect(count(gate, [late, reset(late)])).toEqual(['syn tcp/443']);
  });

  it('for using a container whose port no local socket shows', () => {
    const gate = open();
    const packets = [
      syn(8080),
      packetOut(T + 1, tcp(8080, 40_080, FLAGS.synAck)),
      packetIn(T + 2, tcp(40_080, 8080, FLAGS.ack)),
      packetIn(T + 3, udp(40_000, 1_194)),
      packetOut(T + 4, udp(1_194, 40_000)),
      packetIn(T + 5_000, udp(40_001, 1_194)),
    ];
    expect(count(gate, packets)).toEqual([]);
  });

  it('for segments in flight when its server was killed', () => {
    const gate = open([22, 80]);
    gate.learn(listeners([22]), T);
    const inFlight = [1, 2, 3].map((i) => packetIn(T + i, tcp(50_000, 80, FLAGS.data)));
    expect(
      count(
        gate,
        inFlight.flatMap((packet) => [packet, reset(packet)]),
      ),
    ).toEqual([]);
  });

  it('for segments in flight to a client of this host that was killed', () => {
    const gate = open();
    gate.take(packetOut(T, tcp(800, 443, FLAGS.syn)));
    gate.take(packetIn(T + 1, tcp(443, 800, FLAGS.synAck)));
    gate.take(packetOut(T + 2, tcp(800, 443, FLAGS.rstAck)));
    const inFlight = [3, 4, 5].map((ms) => packetIn(T + ms, tcp(443, 800, FLAGS.data)));
    expect(
      count(
        gate,
        inFlight.flatMap((packet) => [packet, reset(packet)]),
      ),
    ).toEqual([]);
  });

  it('for refusing a connection of this host', () => {
    const gate = open();
    gate.take(packetOut(T, tcp(45_000, 81, FLAGS.syn)));
    expect(count(gate, [packetIn(T + 1, tcp(81, 45_000, FLAGS.rstAck))])).toEqual([]);
  });

  it('for answering a flood that somebody forged in the name of this host', () => {
    const flags = [FLAGS.synAck, FLAGS.rst, FLAGS.rstAck];
    const backscatter = flags.flatMap((f) => [1, 2, 3, 4, 5].map((port) => packetIn(T, tcp(80, port, f))));
    const errors = [1, 2, 3].map((port) =>
      packetIn(T, { kind: 'icmp', type: 3, code: 3, quoted: quote(packetOut(T, tcp(port, 80, FLAGS.syn))) }),
    );
    expect(count(open(), [...backscatter, ...backscatter.map(reset), ...errors])).toEqual([]);
  });

  it('for packets that lost their way: bad checksums, frames and addresses of others', () => {
    const gate = open();
    const packets = [
      syn(23, T, { checksum: 'bad' }),
      syn(24, T, { link: { direction: 'in', cast: 'broadcast' } }),
      syn(25, T, { link: { direction: 'unknown', cast: 'multicast' } }),
      syn(26, T, { link: { direction: 'in', cast: 'other' } }),
      syn(27, T, { destination: '203.0.113.255' }),
      syn(28, T, { destination: '224.0.0.251' }),
      syn(29, T, { link: { direction: 'in', cast: 'unicast', interfaceName: 'wg0' } }),
      syn(30, T, { source: SECOND }),
      syn(31, T, { source: '127.0.0.1' }),
      syn(32, T, { destination: '127.0.0.1' }),
      syn(113),
    ];
    expect(count(gate, packets)).toEqual([]);
    expect(gate.skipped).toEqual({
      'bad-checksum': 1,
      'not-own': 6,
      'own-source': 2,
      'ignored-interface': 1,
      'ignored-port': 1,
    });
  });
});

describe('other techniques', () => {
  it.each(['null', 'fin', 'xmas', 'synFin'] as const)('%s counts at once, on a used port too', (name) => {
    const gate = open();
    const probes = [22, 23].flatMap((port) => gate.take(packetIn(T, tcp(40_000, port, FLAGS[name]))));
    expect(probes.map(({ port }) => port)).toEqual([22, 23]);
  });

  it('odd flags within a connection count only when the host resets them', () => {
    const gate = open();
    gate.learn(listeners([22]), T, [{ local: HOST, port: 22, remote: PEER, remotePort: 40_000 }]);
    const packet = packetIn(T + 1, tcp(40_000, 22, FLAGS.xmas));
    expect(count(gate, [packet])).toEqual([]);
    const other = open([]);
    other.learn(listeners(), T, [{ local: HOST, port: 22, remote: PEER, remotePort: 40_000 }]);
    expect(names([...other.take(packet), ...other.take(reset(packet))])).toEqual(['xmas tcp/22']);
  });

  it('ACK and Maimon to unused ports count only after listeners were read', () => {
    const gate = open();
    const packets = [packetIn(T, tcp(40_000, 300, FLAGS.ack)), packetIn(T, tcp(40_000, 301, FLAGS.finAck))];
    expect(packets.flatMap((p) => [...gate.take(p), ...gate.take(reset(p))])).toEqual([]);
    expect(names([...gate.learn(listeners([22]), T + 1_100), ...gate.due(T + 1_200)])).toEqual([
      'ack tcp/300',
      'maimon tcp/301',
    ]);
  });

  it('an ACK of a connection that turns out to exist does not count', () => {
    const gate = open();
    gate.take(packetIn(T, tcp(2049, 800, FLAGS.ack)));
    const connection = { local: HOST, port: 800, remote: PEER, remotePort: 2049 };
    expect([...gate.learn(listeners([22]), T + 1_100, [connection]), ...gate.due(T + 2_000)]).toEqual([]);
  });

  it('UDP counts at once with a port unreachable, and after a second without', () => {
    const gate = open();
    const packet = packetIn(T, udp(40_000, 161));
    expect(gate.take(packet)).toEqual([]);
    expect(names(gate.take(unreachable(packet)))).toEqual(['udp udp/161']);
    expect(count(gate, [packetIn(T, udp(40_000, 69)), packetIn(T, udp(40_000, 53))])).toEqual(['udp udp/69']);
  });

  it('UDP to a port from which this host wrote to others lately still counts', () => {
    const gate = open();
    gate.take(packetOut(T - 10_000, udp(5_300, 53)));
    const packet = packetIn(T, udp(53, 5_300), { source: '198.51.100.99' });
    gate.take(packet);
    expect(names(gate.take(unreachable(packet)))).toEqual(['udp udp/5300']);
  });

  it('SCTP INIT and COOKIE-ECHO count unless somebody listens, other chunks never', () => {
    const gate = open();
    const chunk = (port: number, type: number) =>
      packetIn(T, { kind: 'sctp', sourcePort: 40_000, port, chunk: type });
    expect(gate.take(chunk(1, 1))).toEqual([]);
    const abort = packetOut(T + 1, { kind: 'sctp', sourcePort: 1, port: 40_000, chunk: 6 });
    expect(names(gate.take(abort))).toEqual(['sctp-init sctp/1']);
    expect(count(gate, [chunk(2, 10), chunk(3, 0), chunk(4, 14)])).toEqual(['sctp-cookie-echo sctp/2']);
  });

  it('IP protocols count at once, but for those not watched and those that this host speaks with the source', () => {
    const gate = open();
    const other = (protocol: number) => packetIn(T, { kind: 'other' }, { protocol });
    gate.take(packetOut(T - 1, { kind: 'other' }, { protocol: 33 }));
    const probes = [253, 2, 6, 17, 33].flatMap((protocol) => gate.take(other(protocol)));
    expect(names(probes)).toEqual(['ip-protocol ip/253']);
  });
});

describe('a client', () => {
  const handshake = [
    syn(22),
    packetOut(T + 1, tcp(22, 40_022, FLAGS.synAck)),
    packetIn(T + 2, tcp(40_022, 22, FLAGS.ack)),
  ];

  it('is who sent data or closed a connection that the host had answered', () => {
    for (const flags of [FLAGS.data, FLAGS.finAck]) {
      const gate = open();
      count(gate, [...handshake, packetIn(T + 3, tcp(40_022, 22, flags))]);
      expect([gate.isClient(PEER, T + 4), gate.isClient(PEER, T + 20_000_000)]).toEqual([true, false]);
    }
  });

  it('is not who resets after the handshake, as a connect scan does, nor who sends a FIN out of the blue', () => {
    const gate = open();
    const [scan, stray] = [
      packetIn(T + 3, tcp(40_022, 22, FLAGS.rst)),
      packetIn(T, tcp(1, 22, FLAGS.finAck)),
    ];
    count(gate, [...handshake, scan, stray]);
    expect(gate.isClient(PEER, T + 4)).toBe(false);
  });

  it('is who has a connection that is older than the capture', () => {
    const gate = open();
    gate.learn(listeners([22]), T, [
      { local: HOST, port: 22, remote: '2001:db8::7', remotePort: 40_000 },
      { local: HOST, port: 700, remote: PEER, remotePort: 2049 },
    ]);
    expect([gate.isClient('2001:db8::/64', T), gate.isClient(PEER, T)]).toEqual([true, false]);
  });
});

describe('the clock', () => {
  it('may be set back: what waited is forgotten and counted, and detection goes on', () => {
    const gate = open();
    gate.take(syn(23));
    gate.take(syn(24, T - 3_600_000));
    expect([gate.waiting, gate.forgotten]).toEqual([1, 1]);
    expect(names(gate.take(reset(syn(24, T - 3_600_000))))).toEqual(['syn tcp/24']);
  });
});
