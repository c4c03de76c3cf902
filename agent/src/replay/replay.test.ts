import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { pcap, type Written } from '../decode/testing/captures.ts';
import { TCP_FLAG } from '../detect/technique.ts';
import { parsePolicy } from '../policy/load.ts';
import { renderReplay } from './render.ts';
import { type ReplayOptions, replay } from './replay.ts';
import { type Ends, RAW, tcp, udp, withCapture } from './testing.ts';

const { syn, ack, rst, psh } = TCP_FLAG;
const [HOST, SECOND, PEER] = ['203.0.113.10', '203.0.113.11', '198.51.100.7'];
const T = 1_790_000_000_000;

type More = Partial<ReplayOptions> & { readonly toml?: string };

const optionsOf = (file: string, { toml = '', ...more }: More = {}): ReplayOptions => ({
  file,
  policy: parsePolicy(toml, 'picket.toml'),
  open: { tcp: [], udp: [], sctp: [] },
  ephemeral: [32_768, 60_999],
  ...more,
});

const play = (packets: readonly Written[], more?: More) =>
  withCapture(packets, (file) => replay(optionsOf(file, more)));

const recorded = (name: string, more?: More) =>
  replay(optionsOf(join(import.meta.dirname, '../decode/testdata', name), more));

const inward = (port: number, sourcePort = 40_000, peer = PEER): Ends => ({
  from: [peer, sourcePort],
  to: [HOST, port],
});
const back = ({ from, to }: Ends): Ends => ({ from: to, to: from });

/** A SYN and the reset of an unused port. */
const refused = (atMs: number, port: number, peer = PEER): Written[] => [
  tcp(atMs, inward(port, 40_000, peer), syn),
  tcp(atMs + 1, back(inward(port, 40_000, peer)), rst | ack),
];

/** A connection that a service answers, with some data. */
const visit = (atMs: number, port: number, peer = PEER): Written[] => {
  const ends = inward(port, 41_000, peer);
  return [
    tcp(atMs, ends, syn),
    tcp(atMs + 1, back(ends), syn | ack),
    tcp(atMs + 2, ends, ack),
    tcp(atMs + 3, ends, psh | ack),
  ];
};

const scan = (ports: readonly number[], atMs = T) => ports.flatMap((port, i) => refused(atMs + i * 10, port));

describe('replay', () => {
  it('tells who tripped, when, why and for how long', async () => {
    const { trips, own, counts } = await play(scan([21, 22, 23, 25, 80, 81]));
    expect(own.addresses).toEqual([HOST]);
    expect(trips).toMatchObject([
      {
        source: PEER,
        rule: 'ports',
        techniques: ['syn'],
        atMs: T + 30,
        untilMs: T + 30 + 3_600_000,
        after: 2,
      },
    ]);
    expect(trips[0]?.contacts.map(({ port }) => port)).toEqual([21, 22, 23, 25]);
    expect(counts).toMatchObject({ packets: 12, probes: 6, sources: 1, trips: 1 });
  });

  it('sees a scan that gets no answer, and of an address that never sends', async () => {
    const silent = [21, 22, 23, 25].map((port) => tcp(T, { from: [PEER, 1], to: [SECOND, port] }, syn));
    const { trips, own } = await play([...refused(T - 9, 20), ...silent]);
    expect(own.addresses).toEqual([HOST, SECOND]);
    expect(trips).toMatchObject([{ source: PEER, atMs: T }]);
  });

  it('asks more of a client, and of weak evidence alone', async () => {
    const ports = [21, 22, 23, 25, 26, 27, 28];
    const client = await play([...visit(T - 1_000, 443), ...scan(ports)]);
    expect(client.trips).toMatchObject([{ rule: 'client', contacts: { length: 7 } }]);
    const weak = Array.from({ length: 12 }, (_, i) => tcp(T + i, inward(300 + i), ack));
    expect((await play([...weak, ...visit(T + 50, 443, '192.0.2.1')], { own: [HOST] })).trips).toMatchObject([
      { rule: 'weak', contacts: { length: 12 }, techniques: ['ack'] },
    ]);
    expect((await play(weak.slice(1), { own: [HOST] })).trips).toEqual([]);
  });

  it('trips at once on a tripwire of the policy', async () => {
    const { trips } = await play(refused(T, 23), { toml: '[threshold]\ntripwire_tcp = "23"' });
    expect(trips).toMatchObject([{ rule: 'tripwire', atMs: T }]);
  });

  it('lets a block end, and trips who goes on', async () => {
    const again = scan([21, 22, 23, 25], T + 7_200_000);
    const { trips } = await play([...scan([21, 22, 23, 25]), ...again]);
    expect(trips.map(({ atMs }) => atMs)).toEqual([T + 30, T + 7_200_030]);
  });

  it('never counts allowed sources, nor scanners at their times', async () => {
    const allowed = await play(scan([21, 22, 23, 25]), { toml: `[allow]\nsources = ["${PEER}"]` });
    expect(allowed).toMatchObject({ trips: [], counts: { probes: 0, skipped: { allowed: 4 } } });
    const hours = (until: string) => `[[scanner]]\nsources = ["${PEER}"]\nuntil = ${until}`;
    const during = await play(scan([21, 22, 23, 25]), { toml: hours('2027-01-01T00:00:00Z') });
    const after = await play(scan([21, 22, 23, 25]), { toml: hours('2026-01-01T00:00:00Z') });
    expect([during.trips.length, after.trips.length]).toEqual([0, 1]);
  });

  it('finds the open ports that answer, and takes those that are given', async () => {
    const ends = inward(53);
    const packets = [
      ...visit(T, 443, '192.0.2.1'),
      udp(T + 5, ends),
      udp(T + 6, back(ends)),
      ...refused(T + 9, 1),
    ];
    const { open } = await play(packets, { open: { tcp: [22], udp: [], sctp: [] } });
    expect(open).toEqual({ tcp: [22, 443], udp: [53], sctp: [] });
    const knocks = [22, 443, 444, 445, 446].map((port) => tcp(T + 100 + port, inward(port), syn));
    expect(
      (await play([...packets, ...knocks], { open: { tcp: [22], udp: [], sctp: [] } })).trips,
    ).toMatchObject([{ contacts: [{ port: 1 }, { port: 444 }, { port: 445 }, { port: 446 }] }]);
  });

  it('does not accuse the servers of a host that asks many', async () => {
    const servers = Array.from({ length: 20 }, (_, i) => `192.0.2.${i + 1}`);
    const packets = servers.flatMap((server, i) => {
      const ends: Ends = { from: [HOST, 40_000 + i], to: [server, 443] };
      const answer = i % 5 === 0 ? rst | ack : syn | ack;
      return [tcp(T + i, ends, syn), tcp(T + i, back(ends), answer)];
    });
    expect(await play(packets)).toMatchObject({
      own: { addresses: [HOST] },
      trips: [],
      counts: { probes: 0 },
    });
  });
});

describe('replay of recorded captures', () => {
  const scanned = ['syn', 'fin', 'xmas', 'null', 'ack', 'syn-fin', 'udp'];

  it.each([
    ['nmap-ipv4.pcap', '203.0.113.11', '203.0.113.200'],
    ['nmap-ipv4.snoop', '203.0.113.11', '203.0.113.200'],
    ['nmap-ipv6.pcap', '2001:db8:1::11', '2001:db8:1::200'],
  ])('%s trips its scanner', async (name, own, source) => {
    const result = await recorded(name);
    expect(result.own.addresses).toEqual([own]);
    expect(result.trips).toMatchObject([{ source, rule: 'ports', techniques: scanned }]);
  });

  it('a scan with bad checksums trips nothing, and is told', async () => {
    const { trips, counts } = await recorded('nmap-badsum.pcap');
    expect([trips, counts.skipped['bad-checksum']]).toEqual([[], 5]);
  });

  it('own addresses are those that the link layer names', async () => {
    const { own } = await recorded('any-sll2.pcap');
    expect(own).toMatchObject({ how: 'named by the link layer' });
    expect(own.addresses).toContain('203.0.113.11');
    expect(own.addresses).not.toContain('203.0.113.255');
  });
});

describe('a file that cannot be replayed', () => {
  it.each([
    ['text', Buffer.from('no packets here'), 'not_a_capture', 'no capture'],
    ['an empty file', Buffer.alloc(0), 'not_a_capture', 'it is empty'],
    ['another link type', pcap([udp(T, inward(1))], { linkType: 195 }), 'link_unknown', 'link type 195'],
  ])('is refused: %s', async (_, bytes, code, why) => {
    const refusal = withCapture(bytes, (file) => replay(optionsOf(file)));
    await expect(refusal).rejects.toMatchObject({ code, message: expect.stringContaining(why) });
  });

  it('is refused when it is not there, or a folder', async () => {
    await expect(replay(optionsOf('/nonexistent.pcap'))).rejects.toThrow('/nonexistent.pcap: no such file');
    await expect(replay(optionsOf('/'))).rejects.toThrow('/: cannot be read (EISDIR)');
  });

  it('is told as far as it goes when it is cut or damaged', async () => {
    const whole = pcap(scan([21, 22, 23, 25]), { linkType: RAW });
    const cut = await withCapture(whole.subarray(0, whole.length - 3), (file) => replay(optionsOf(file)));
    expect(cut).toMatchObject({ cut: 'it ends amid a packet', trips: [{ source: PEER }] });
    const damaged = Buffer.concat([whole, Buffer.alloc(64, 0xff)]);
    const read = await withCapture(damaged, (file) => replay(optionsOf(file)));
    expect(read).toMatchObject({ cut: expect.stringContaining('damaged'), trips: [{ source: PEER }] });
  });
});

describe('renderReplay', () => {
  it('gives a line for each trip, and what it rests on', async () => {
    const result = await play(scan([21, 22, 23, 25, 80]));
    const text = renderReplay({ ...result, file: 'x.pcap' }, parsePolicy('', 'picket.toml').threshold);
    const lines = text.split('\n').map((line) => line.split(/ {2,}/));
    expect(lines[1]).toEqual([
      '2026-09-21 14:13:20.030',
      PEER,
      'syn',
      'tcp 21-23,25',
      '4 ports in 4h',
      '1h, 1 more probes in it',
    ]);
    expect(text).toContain('own:       203.0.113.10');
    expect(text).toContain('skipped:   nothing');
  });

  it('says that nothing tripped', async () => {
    const text = renderReplay(await play(refused(T, 1)), parsePolicy('', 'picket.toml').threshold);
    expect(text).toContain('Nothing would have tripped.');
  });
});
