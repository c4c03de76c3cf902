import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { parseV4, parseV6 } from '../../lab/addresses.ts';
import { checksum, fragments, frame, type Head, pcap, tcp } from '../../lab/frames.ts';
import { gaugeRuleset } from './gauge.ts';
import { blockMs, momentsOf } from './moments.ts';

const V4: Head = {
  fromMac: '02:00:00:00:00:01',
  toMac: '02:00:00:00:00:02',
  from: '203.0.113.1',
  to: '203.0.113.2',
};
const V6: Head = { ...V4, from: '2001:db8::1', to: '2001:db8::2' };

describe('frames', () => {
  it('have checksums that a receiver accepts: the sum over all of it is zero', () => {
    const v4 = frame(V4, tcp(1, 2));
    expect(checksum(v4.subarray(14, 34))).toBe(0);
    const v6 = frame(V6, tcp(1, 2, 2, 3));
    const pseudo = Buffer.concat([v6.subarray(22, 54), Buffer.from([0, 0, 0, 23, 0, 0, 0, 6])]);
    expect(checksum(Buffer.concat([pseudo, v6.subarray(54)]))).toBe(0);
  });

  it('hide the segment behind an extension header when asked', () => {
    const plain = frame(V6, tcp(1, 2));
    const hidden = frame(V6, tcp(1, 2), { options: true });
    expect([plain[20], hidden[20], hidden[54]]).toEqual([6, 60, 6]);
    expect(hidden.subarray(62)).toEqual(plain.subarray(54));
  });

  it('are cut so that the first piece holds the whole TCP header, and only the last has no more after it', () => {
    const pieces = fragments(V6, tcp(1, 2, 2, 8), 9);
    expect(pieces.map((piece) => piece.readUInt16BE(56))).toEqual([1, 24]);
    const whole = Buffer.concat(pieces.map((piece) => piece.subarray(62)));
    expect(whole).toEqual(frame(V6, tcp(1, 2, 2, 8)).subarray(54));
  });

  it('make a capture file of their count', () => {
    const bytes = frame(V4, tcp(1, 2));
    expect(pcap([bytes, bytes]).length).toBe(24 + 2 * (16 + bytes.length));
  });
});

describe('addresses', () => {
  it('are read as the bytes that they are', () => {
    expect([...parseV4('203.0.113.9')]).toEqual([203, 0, 113, 9]);
    expect(parseV6('2001:db8::1:a').toString('hex')).toBe('20010db800000000000000000001000a');
    expect(parseV6('::').toString('hex')).toBe('0'.repeat(32));
  });

  test('of IPv6 in full form keep every group', () => {
    const groups = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(groups, (list) => {
        const bytes = parseV6(list.map((group) => group.toString(16)).join(':'));
        expect(list.map((_, i) => bytes.readUInt16BE(i * 2))).toEqual(list);
      }),
    );
  });
});

const CAPTURE = `1.000001 ARP, Request who-has 203.0.113.11 tell 203.0.113.101, length 28
1.500000 IP 203.0.113.101.48749 > 203.0.113.11.113: Flags [S], seq 1, win 1024, length 0
1.500100 IP 203.0.113.11.113 > 203.0.113.101.48749: Flags [R.], seq 0, ack 2, win 0, length 0
1.600000 IP 203.0.113.101 > 203.0.113.11: ICMP echo request, id 1, seq 1, length 8
1.700000 IP 203.0.113.101.48749 > 203.0.113.11.80: Flags [R], seq 2, win 0, length 0
1.800000 IP 203.0.113.10.1 > 203.0.113.11.80: Flags [S], seq 2, win 0, length 0
1.900000 IP6 2001:db8:66::1:7.50002 > 2001:db8:1::11.1000: Flags [S], seq 1, win 1024, length 0
1.950000 IP6 2001:db8:66::1:7 > ff02::1:ff00:11: ICMP6, neighbor solicitation, who has 2001:db8:1::11, length 32
`;

describe('moments', () => {
  it('are those of the packets that a source sent by itself, resets and neighbours left out', () => {
    expect(momentsOf(CAPTURE, '203.0.113.101')).toEqual([1500, 1600]);
    expect(momentsOf(CAPTURE, '2001:db8:66::/64')).toEqual([1900]);
  });

  it('tell the block by the first packet that came after the last one that passed', () => {
    expect(blockMs({ arrivedMs: [10, 11, 12.5, 13], passedMs: [10.1, 11.2] })).toBe(2.5);
    expect(blockMs({ arrivedMs: [10, 11], passedMs: [] })).toBe(0);
  });

  it('tell no block when the last packet passed, or none came', () => {
    expect(blockMs({ arrivedMs: [10, 11], passedMs: [10.1, 11.1] })).toBeUndefined();
    expect(blockMs({ arrivedMs: [], passedMs: [] })).toBeUndefined();
  });
});

it('counts one family only: a match of addresses alone would let the other on to the counters', () => {
  expect(gaugeRuleset({ source: '203.0.113.9', probes: 'any' })).toContain('meta nfproto ipv6 return');
  expect(gaugeRuleset({ source: '2001:db8:66::/64', probes: 'syn' })).toContain('meta nfproto ipv4 return');
});
