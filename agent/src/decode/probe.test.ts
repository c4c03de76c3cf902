import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeProbe } from './probe.ts';
import { bytes } from './testing/bytes.ts';

/** Inputs, two packets each: five million in `scripts/test --full`. */
const FUZZ_RUNS = process.env.PICKET_TEST_FULL === '1' ? 2_500_000 : 5_000;

/** An IPv4 packet from 198.51.100.7 to 203.0.113.10. */
const ip4 = (protocol: string, payload: string) =>
  bytes(`4500 0028 0000 0000 40${protocol} 0000 c633 6407 cb00 710a ${payload}`);

/** A TCP segment from port 40000 to port 23 with the given flags byte. */
const tcp4 = (flags: string) => ip4('06', `9c40 0017 00000000 00000000 50${flags} 0400 0000 0000`);

/** An SCTP packet to port 36412 with the given type of its first chunk. */
const sctp4 = (chunk: string) => ip4('84', `9c40 8e3c 00000000 00000000 ${chunk}00 0014 00000000 00000000`);

/** An IPv6 packet from 2001:db8::7 to 2001:db8:1::10. */
const ip6 = (next: string, payload: string) =>
  bytes(`6000 0000 0010 ${next}40 20010db8 00000000 00000000 00000007
    20010db8 00010000 00000000 00000010 ${payload}`);

describe('decodeProbe', () => {
  it.each([
    ['02', 'syn'],
    ['c2', 'syn'],
    ['00', 'null'],
    ['01', 'fin'],
    ['29', 'xmas'],
  ])('names TCP flags 0x%s as %s', (flags, technique) => {
    expect(decodeProbe(tcp4(flags), 1_000)).toEqual({
      atMs: 1_000,
      address: '198.51.100.7',
      localAddress: '203.0.113.10',
      port: 23,
      transport: 'tcp',
      technique,
      evidence: 'forgeable',
    });
  });

  it.each(['12', '04', '14', '15'])('takes TCP flags 0x%s, which answer something, for no probe', (flags) => {
    expect(decodeProbe(tcp4(flags), 0)).toBeUndefined();
  });

  it('reads UDP over IPv6 behind a destination options header', () => {
    expect(decodeProbe(ip6('3c', '1100 0104 00000000  9c40 00a1 0008 0000'), 0)).toMatchObject({
      address: '2001:db8::7',
      localAddress: '2001:db8:1::10',
      port: 161,
      technique: 'udp',
    });
  });

  it.each([
    ['01', 'sctp-init'],
    ['0a', 'sctp-cookie-echo'],
  ])('names an SCTP packet with chunk 0x%s first as %s', (chunk, technique) => {
    expect(decodeProbe(sctp4(chunk), 0)).toMatchObject({ transport: 'sctp', port: 36_412, technique });
  });

  it('takes an SCTP packet of an association for no probe, nor one that ends before its first chunk', () => {
    expect(decodeProbe(sctp4('00'), 0)).toBeUndefined();
    expect(decodeProbe(sctp4('01').subarray(0, 32), 0)).toBeUndefined();
  });

  it('names a packet of any other protocol an IP protocol probe, whether anything follows or not', () => {
    const probe = { transport: 'ip', port: 47, technique: 'ip-protocol' };
    expect(decodeProbe(ip4('2f', ''), 0)).toMatchObject(probe);
    expect(decodeProbe(ip6('2f', '00'), 0)).toMatchObject(probe);
  });

  it('takes ICMP for no probe, nor the ICMP of the other family', () => {
    for (const protocol of ['01', '3a']) {
      expect(decodeProbe(ip4(protocol, '0800 0000 0000 0000'), 0)).toBeUndefined();
      expect(decodeProbe(ip6(protocol, '8000 0000 0000 0000'), 0)).toBeUndefined();
    }
  });

  it('leaves out later fragments, which have no ports', () => {
    const packet = tcp4('02');
    packet[7] = 2;
    expect(decodeProbe(packet, 0)).toBeUndefined();
  });

  it('reads the first fragment, whose ports are there', () => {
    const packet = tcp4('02');
    packet[6] = 0x20;
    expect(decodeProbe(packet, 0)).toMatchObject({ port: 23, technique: 'syn' });
    expect(decodeProbe(ip6('2c', '1100 0001 00000007 9c40 00a1 0008 0000'), 0)).toMatchObject({ port: 161 });
  });

  it('accuses no IPv4 host of what came over IPv6 in its name', () => {
    const packet = ip6('11', '9c40 00a1 0008 0000');
    packet.set(bytes('00000000000000000000 ffff c6336407'), 8);
    expect(decodeProbe(packet, 0)).toBeUndefined();
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), fc.constantFrom(0x45, 0x4f, 0x60), (data, first) => {
        decodeProbe(data, 0);
        data[0] = first;
        decodeProbe(data, 0);
      }),
      { numRuns: FUZZ_RUNS },
    );
  });
});
