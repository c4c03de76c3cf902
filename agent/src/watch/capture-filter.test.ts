import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { captureDecoder } from '../decode/capture.ts';
import { ignoredPorts } from '../policy/derive.ts';
import { parsePolicy } from '../policy/load.ts';
import { captureFilter, type FilterFacts, FREEBSD, OPENBSD, ROOMY } from './capture-filter.ts';

/** A host of two families that serves SSH, HTTP and DNS, with an NFS mount from port 700. */
const FACTS: FilterFacts = {
  own: ['203.0.113.10', '2001:db8:1::10'],
  listeners: { tcp: new Set([22, 80]), udp: new Set([53]), sctp: new Set([3_868]) },
  busy: new Set([700]),
  ephemeral: [32_768, 60_999],
  ignored: ignoredPorts(parsePolicy('', '')),
  limits: ROOMY,
};

const [HOST, HOST6, PEER, PEER6] = [
  [203, 0, 113, 10],
  [0x20, 1, 0xd, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10],
  [198, 51, 100, 7],
  [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7],
];
const two = (n: number) => [n >> 8, n & 255];

/** Transport headers. */
const tcp = (from: number, to: number, flags: number) => [
  ...[...two(from), ...two(to)],
  ...[0, 0, 0, 1, 0, 0, 0, 0, 0x50, flags, 4, 0, 0, 0, 0, 0],
];
const udp = (from: number, to: number) => [...two(from), ...two(to), 0, 9, 0, 0, 0x21];
const sctp = (from: number, to: number, chunk: number) => [
  ...[...two(from), ...two(to)],
  ...[0, 0, 0, 0, 0, 0, 0, 0, chunk, 0, 0, 4],
];
const icmp = (type: number, code: number) => [type, code, 0, 0, 0, 0, 0, 0];

interface Way {
  readonly out?: boolean;
  /** Field of flags and offset of a fragment. */
  readonly fragment?: number;
  readonly to?: readonly number[];
}

const ip4 = (protocol: number, body: readonly number[], { out, fragment = 0, to }: Way = {}) => [
  ...[0x45, 0, ...two(20 + body.length), 0, 1, ...two(fragment), 64, protocol, 0, 0],
  ...(out ? [...HOST, ...PEER] : [...PEER, ...(to ?? HOST)]),
  ...body,
];
const ip6 = (protocol: number, body: readonly number[], { out }: Way = {}) => [
  ...[0x60, 0, 0, 0, ...two(body.length), protocol, 64],
  ...(out ? [...HOST6, ...PEER6] : [...PEER6, ...HOST6]),
  ...body,
];

/** Name, packet over IPv4 and over IPv6, whether the gate needs it. */
const CASES: readonly (readonly [string, readonly number[][], boolean])[] = [
  ...(
    [
      ['a SYN to an unused port', tcp(40_000, 23, 2), true],
      ['a SYN with ECN flags', tcp(40_000, 23, 0xc2), true],
      ['a SYN to an ephemeral port', tcp(40_000, 40_001, 2), true],
      ['a SYN to a served port', tcp(40_000, 22, 2), false],
      ['a SYN to an ignored port', tcp(40_000, 113, 2), false],
      ['null to a served port', tcp(40_000, 22, 0), true],
      ['FIN to a served port', tcp(40_000, 22, 1), true],
      ['XMAS to a served port', tcp(40_000, 22, 0x29), true],
      ['SYN+FIN to a served port', tcp(40_000, 22, 3), true],
      ['SYN+RST to a served port', tcp(40_000, 22, 6), true],
      ['data to a served port', tcp(40_000, 80, 0x18), false],
      ['an ACK to a served port', tcp(40_000, 80, 0x10), false],
      ['an orderly end to a served port', tcp(40_000, 80, 0x11), true],
      ['an ACK to an unused port', tcp(40_000, 23, 0x10), true],
      ['data to an ephemeral port', tcp(443, 40_001, 0x18), false],
      ['data to a port with a connection', tcp(2049, 700, 0x18), false],
      ['a RST', tcp(40_000, 23, 4), false],
      ['a SYN+ACK to an ephemeral port', tcp(443, 40_001, 0x12), false],
    ] as const
  ).map(([name, body, passes]) => [name, [ip4(6, body), ip6(6, body)], passes] as const),
  ...(
    [
      ['a refusal', tcp(23, 40_000, 0x14), true],
      ['an acceptance', tcp(80, 40_000, 0x12), true],
      ['data from a served port', tcp(80, 40_000, 0x18), false],
      ['data to elsewhere', tcp(40_001, 443, 0x18), false],
      ['what a redirected port sends', tcp(8_443, 40_000, 0x18), true],
    ] as const
  ).map(
    ([name, body, passes]) =>
      [`out: ${name}`, [ip4(6, body, { out: true }), ip6(6, body, { out: true })], passes] as const,
  ),
  ['UDP to an unused port', [ip4(17, udp(40_000, 161)), ip6(17, udp(40_000, 161))], true],
  ['UDP to a served port', [ip4(17, udp(40_000, 53)), ip6(17, udp(40_000, 53))], false],
  ['UDP to an ephemeral port', [ip4(17, udp(53, 40_000)), ip6(17, udp(53, 40_000))], false],
  ['broadcast', [ip4(17, udp(40_000, 161), { to: [203, 0, 113, 255] })], false],
  ['UDP from an unused port', [ip4(17, udp(5_300, 4_000), { out: true })], true],
  ['an INIT', [ip4(132, sctp(4_000, 36_412, 1)), ip6(132, sctp(4_000, 36_412, 1))], true],
  ['a COOKIE-ECHO', [ip4(132, sctp(4_000, 36_412, 10)), ip6(132, sctp(4_000, 36_412, 10))], true],
  ['an INIT to a served port', [ip4(132, sctp(4_000, 3_868, 1)), ip6(132, sctp(4_000, 3_868, 1))], false],
  ['SCTP data', [ip4(132, sctp(4_000, 36_412, 0)), ip6(132, sctp(4_000, 36_412, 0))], false],
  ['an INIT-ACK', [ip4(132, sctp(36_412, 4_000, 2), { out: true })], true],
  ['an unreachable', [ip4(1, icmp(3, 3), { out: true }), ip6(58, icmp(1, 4), { out: true })], true],
  ['a ping and its answer', [ip4(1, icmp(8, 0)), ip4(1, icmp(0, 0), { out: true })], false],
  ['a neighbour solicitation', [ip6(58, icmp(135, 0))], false],
  ['a watched protocol', [ip4(253, [0, 0, 0, 0]), ip6(253, [0, 0, 0, 0])], true],
  ['an ignored protocol', [ip4(47, [0, 0, 0, 0]), ip6(47, [0, 0, 0, 0])], false],
  ['fragments of TCP', [ip4(6, tcp(4_000, 23, 2).slice(0, 8), { fragment: 0x2000 })], true],
  ['their second one', [ip4(6, tcp(4_000, 23, 2).slice(8), { fragment: 1 })], true],
  ['later fragments of UDP', [ip4(17, [0, 161, 0, 161, 0, 161, 0, 161], { fragment: 0x2001 })], false],
  ['IPv6 extension headers', [ip6(60, [6, 0, 1, 4, 0, 0, 0, 0, ...tcp(4_000, 23, 2)])], true],
  ['a packet for another host', [ip4(6, tcp(4_000, 23, 2), { to: [203, 0, 113, 99] })], false],
];

/** Link headers by the type under which tcpdump knows them. AF_INET6 is 28 on FreeBSD, 24 on OpenBSD. */
const LINKS = {
  RAW: { type: 101, head: () => [] as number[] },
  EN10MB: { type: 1, head: (is6: boolean) => [...Array(12).fill(2), ...two(is6 ? 0x86dd : 0x0800)] },
  LINUX_SLL2: {
    type: 276,
    head: (is6: boolean) => [
      ...two(is6 ? 0x86dd : 0x0800),
      0,
      0,
      0,
      0,
      0,
      1,
      0,
      1,
      0,
      6,
      ...Array(8).fill(2),
    ],
  },
  LINUX_SLL: {
    type: 113,
    head: (is6: boolean) => [0, 0, 0, 1, 0, 6, ...Array(8).fill(2), ...two(is6 ? 0x86dd : 0x0800)],
  },
  NULL: { type: 0, head: (is6: boolean) => [is6 ? 28 : 2, 0, 0, 0] },
  LOOP: { type: 108, head: (is6: boolean) => [0, 0, 0, is6 ? 24 : 2] },
} as const;

const isSix = (packet: readonly number[]) => (packet[0] ?? 0) >> 4 === 6;

function pcap(packets: readonly (readonly number[])[], link: keyof typeof LINKS): Uint8Array {
  const { type, head } = LINKS[link];
  const records = packets.flatMap((packet, i) => {
    const bytes = [...head(isSix(packet)), ...packet];
    const header = Uint32Array.of(i, 0, bytes.length, bytes.length);
    return [...new Uint8Array(header.buffer), ...bytes];
  });
  const file = Uint32Array.of(0xa1b2c3d4, 0x0004_0002, 0, 0, 65_535, type);
  return Uint8Array.from([...new Uint8Array(file.buffer), ...records]);
}

const hasTcpdump = spawnSync('tcpdump', ['--version']).error === undefined;

describe.skipIf(!hasTcpdump)("a filter, compiled and run by this machine's tcpdump", () => {
  const folder = mkdtempSync(join(tmpdir(), 'picket-filter-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Numbers of the packets that pass. */
  const passed = (packets: readonly (readonly number[])[], link: keyof typeof LINKS, facts = FACTS) => {
    const file = join(folder, `${link}.pcap`);
    writeFileSync(file, pcap(packets, link));
    const { stdout, stderr, status } = spawnSync('tcpdump', ['-r', file, '-w', '-', captureFilter(facts)]);
    expect(`${status} ${stderr}`).toMatch(/^0 /);
    const step = captureDecoder()(stdout);
    return step.ok ? step.packets.map(({ atMs }) => atMs / 1_000) : expect.fail(step.reason);
  };

  it.each(Object.keys(LINKS) as (keyof typeof LINKS)[])('passes what the gate needs, on %s', (link) => {
    const packets = CASES.flatMap(([name, list, passes]) => list.map((packet) => ({ name, packet, passes })));
    const through = passed(
      packets.map(({ packet }) => packet),
      link,
    );
    const wrong = packets.filter(({ passes }, i) => passes !== through.includes(i));
    expect(wrong.map(({ name, packet }) => `${name} (IPv${isSix(packet) ? 6 : 4})`)).toEqual([]);
  });

  it('never leaves out an unused port, however many are served', () => {
    const many = new Set(Array.from({ length: 400 }, (_, i) => 100 + 3 * i));
    const facts = { ...FACTS, listeners: { tcp: many, udp: many, sctp: many } };
    for (const limits of [ROOMY, FREEBSD]) {
      const packets = [101, 700, 1_298, 5_000].flatMap((port) => [
        ip4(6, tcp(4_000, port, 2)),
        ip6(17, udp(4_000, port)),
      ]);
      expect(passed(packets, 'EN10MB', { ...facts, limits })).toEqual(packets.map((_, i) => i));
    }
  });

  it.each([
    ['ROOMY', ROOMY, 4_096],
    ['FREEBSD', FREEBSD, 512],
    ['OPENBSD', OPENBSD, 512],
  ] as const)('has no more instructions than kernels take (%s)', (_, limits, most) => {
    const many = new Set(Array.from({ length: 400 }, (_, i) => 100 + 3 * i));
    const own = Array.from({ length: 8 }, (_, i) => (i % 2 ? `2001:db8:1::${i + 1}` : `203.0.113.${i + 1}`));
    const facts = { ...FACTS, own, listeners: { tcp: many, udp: many, sctp: many }, busy: many, limits };
    for (const link of ['EN10MB', 'LINUX_SLL2', 'NULL', 'RAW']) {
      const { stdout } = spawnSync('tcpdump', ['-y', link, '-d', captureFilter(facts)], { encoding: 'utf8' });
      const instructions = stdout.match(/^\(\d+\)/gm)?.length ?? Number.POSITIVE_INFINITY;
      expect(instructions).toBeLessThanOrEqual(most);
    }
  });
});

describe('the text of a filter', () => {
  it('is the same for the same facts, and names nothing that old versions of libpcap do not know', () => {
    const text = captureFilter({ ...FACTS, limits: OPENBSD });
    expect(text).toBe(captureFilter({ ...FACTS, limits: OPENBSD }));
    expect(text).not.toMatch(/portrange|sctp|protochain|inbound|outbound/);
  });

  it('asks for a family only when the host has an address of it', () => {
    expect(captureFilter({ ...FACTS, own: ['203.0.113.10'] })).not.toContain('ip6');
  });

  it('names no host when there are more addresses than it has room for', () => {
    const own = Array.from({ length: 9 }, (_, i) => `203.0.113.${i + 1}`);
    expect(captureFilter({ ...FACTS, own })).not.toContain('host');
  });
});
