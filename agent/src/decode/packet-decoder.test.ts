import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sctpTechnique, tcpTechnique } from '../detect/technique.ts';
import type { Packet, Segment } from './packet.ts';
import { packetDecoder } from './packet-decoder.ts';
import { bytes, concat } from './testing/bytes.ts';
import { framesOf, type Recorded } from './testing/recorded.ts';

/** Addresses of the host that was scanned, and of the scanner. */
const HOST = new Set(['203.0.113.11', '2001:db8:1::11']);
const SCANNER = new Set(['203.0.113.200', '2001:db8:1::200']);

const recordedFrames = (name: Recorded) =>
  framesOf(readFileSync(join(import.meta.dirname, 'testdata', name)));

function decodeAll(name: Recorded): Packet[] {
  const { decode } = packetDecoder();
  return recordedFrames(name).flatMap((frame) => decode(frame) ?? []);
}

function describeSegment(segment: Segment, protocol: number): string {
  if (segment.kind === 'tcp') return `${tcpTechnique(segment.flags) ?? 'answer'} ${segment.port}`;
  if (segment.kind === 'udp') return `udp ${segment.port}`;
  if (segment.kind === 'sctp') return `${sctpTechnique(segment.chunk) ?? 'answer'} ${segment.port}`;
  return segment.kind === 'icmp' ? `icmp ${segment.type}` : `ip ${protocol}`;
}

/** What the scanner sent to the host, each once. */
function probes(name: Recorded): string[] {
  const sent = decodeAll(name).filter((p) => SCANNER.has(p.source) && HOST.has(p.destination));
  return [...new Set(sent.map((p) => describeSegment(p.segment, p.protocol)))].sort();
}

/** How often something is so, by its name. */
function tally(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}

/** What nmap sent with -sS -sT -sF -sX -sN -sA -sM -sW, SYNFIN, -sU, -sY, -sZ; IPv6 and IPv4 alike. */
const TECHNIQUES = [
  ...['ack 23', 'ack 80', 'answer 80', 'fin 23', 'fin 80', 'maimon 23', 'maimon 80', 'null 23', 'null 80'],
  ...['sctp-cookie-echo 36412', 'sctp-init 36412', 'syn 23', 'syn 80', 'syn-fin 23', 'syn-fin 80'],
  ...['udp 161', 'udp 4444', 'xmas 23', 'xmas 80'],
];

/** What it sent with -sO: to protocols that have ports it sends a packet that has them. */
const PROTOCOLS = ['ip 47', 'ip 50', 'ip 88', 'sctp-init 80', 'udp 40125'];

describe('packetDecoder', () => {
  it.each([
    ['nmap-ipv4.pcap', [...TECHNIQUES, ...PROTOCOLS, 'icmp 8']],
    ['nmap-ipv4.snoop', [...TECHNIQUES, ...PROTOCOLS, 'icmp 8']],
    ['nmap-ipv6.pcap', [...TECHNIQUES, ...PROTOCOLS, 'ip 1']],
    ['nmap-fragments.pcap', ['answer 80', 'fin 23', 'fin 80', 'icmp 128', 'icmp 8', 'syn 23', 'syn 80']],
    ['vlan-tagged.pcap', ['ack 80', 'answer 80', 'fin 23', 'syn 23', 'syn 80']],
    ['any-sll.pcap', ['answer 80', 'syn 23', 'syn 80']],
    ['any-sll2.pcap', ['answer 80', 'syn 23', 'syn 80']],
  ] as const)('reads of %s what nmap sent', (name, sent) => {
    expect(probes(name)).toEqual([...sent].sort());
  });

  // Counted beside `tcpdump -v`: what it calls incorrect is good for hardware to complete, but for nmap --badsum.
  it.each([
    ['nmap-ipv4.pcap', { good: 58, unknown: 6 }],
    ['nmap-ipv6.pcap', { good: 63, unknown: 21 }],
    ['nmap-badsum.pcap', { bad: 6, good: 1 }],
    ['vlan-tagged.pcap', { good: 8, unknown: 8 }],
    ['loopback.pcap', { good: 4, unknown: 6 }],
  ] as const)('verifies the checksums of %s', (name, checksums) => {
    expect(tally(decodeAll(name).map((p) => p.checksum))).toEqual(checksums);
  });

  it('verifies the checksum of a datagram that came whole in fragments', () => {
    const syns = decodeAll('nmap-fragments.pcap').filter(
      ({ segment }) => segment.kind === 'tcp' && segment.flags === 2,
    );
    // Two of nmap -f; the two with 120 bytes of data go past what is put together.
    expect(syns.map((p) => p.checksum)).toEqual(['good', 'good', 'unknown', 'unknown']);
  });

  it.each(['any-sll.pcap', 'any-sll2.pcap'] as const)('tells direction and cast by %s', (name) => {
    const index = name === 'any-sll2.pcap' ? 2 : undefined;
    for (const { source, link, destination } of decodeAll(name)) {
      expect(link.interfaceIndex).toBe(index);
      if (HOST.has(source)) expect(link.direction).toBe('out');
      if (destination === '203.0.113.255') expect(link).toMatchObject({ direction: 'in', cast: 'broadcast' });
      if (HOST.has(destination)) expect(link).toMatchObject({ direction: 'in', cast: 'unicast' });
    }
  });

  it('reads what an ICMP error quotes', () => {
    const [error] = decodeAll('nmap-ipv4.pcap').filter(
      ({ segment }) => segment.kind === 'icmp' && segment.quoted?.port === 161,
    );
    expect(error).toMatchObject({
      source: '203.0.113.11',
      segment: {
        type: 3,
        code: 3,
        quoted: { source: '203.0.113.200', destination: '203.0.113.11', protocol: 17 },
      },
    });
  });

  it('reads several interfaces of one pcapng capture', () => {
    const types = recordedFrames('interfaces.pcapng').map(({ linkType }) => `link type ${linkType}`);
    expect(tally(types)).toEqual({ 'link type 276': 19, 'link type 1': 23 });
    expect(decodeAll('interfaces.pcapng')).toHaveLength(40);
  });

  it('counts what it passes over', () => {
    const decoder = packetDecoder();
    for (const frame of recordedFrames('any-sll.pcap')) decoder.decode(frame);
    const ethernet = { atMs: 0, linkType: 1, wireBytes: 60 };
    decoder.decode({ ...ethernet, bytes: new Uint8Array(60) });
    decoder.decode({ ...ethernet, bytes: bytes(`${'02'.repeat(12)} 0800 4500`) });
    expect(decoder.passedOver()).toEqual({ notIp: 3, malformed: 1, fragments: 0 });
  });

  it('does not take the padding of a frame for a part of the packet', () => {
    const [syn] = recordedFrames('nmap-ipv4.pcap').filter(({ bytes: b }) => b.length === 58 && b[47] === 2);
    if (syn === undefined) return expect.fail();
    const padded = { ...syn, bytes: concat(syn.bytes, bytes('5555')), wireBytes: 60 };
    expect(packetDecoder().decode(padded)).toMatchObject({ checksum: 'good', segment: { flags: 2 } });
  });

  it('leaves the checksum open when the capture cut the packet, and refuses one longer than its frame', () => {
    const [syn] = recordedFrames('nmap-ipv4.pcap').filter(({ bytes: b }) => b.length === 58 && b[47] === 2);
    if (syn === undefined) return expect.fail();
    const cut = syn.bytes.subarray(0, 50);
    expect(packetDecoder().decode({ ...syn, bytes: cut })).toMatchObject({ checksum: 'unknown' });
    expect(packetDecoder().decode({ ...syn, bytes: cut, wireBytes: 50 })).toBeUndefined();
  });
});
