import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeNflog } from './nflog.ts';
import { pcapDecoder } from './pcap.ts';
import { decodeProbe } from './probe.ts';

/** Inputs of each fuzz test, two packets each: ten million in all in `scripts/test --full`. */
const FUZZ_RUNS = process.env.PICKET_TEST_FULL === '1' ? 2_500_000 : 5_000;

const bytes = (hex: string) =>
  Uint8Array.from(hex.replaceAll(/\s/g, '').match(/../g) ?? [], (h) => Number.parseInt(h, 16));

/** An IPv4 TCP segment from 198.51.100.7:40000 to 203.0.113.10:23 with the given flags byte. */
const tcp4 = (flags: string) =>
  bytes(
    `4500 0028 0000 0000 4006 0000 c633 6407 cb00 710a 9c40 0017 00000000 00000000 50${flags} 0400 0000 0000`,
  );

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
    const packet =
      bytes(`6000 0000 0010 3c40 20010db8 00000000 00000000 00000007 20010db8 00010000 00000000 00000010
      1100 0104 00000000  9c40 00a1 0008 0000`);
    expect(decodeProbe(packet, 0)).toMatchObject({
      address: '2001:db8::7',
      localAddress: '2001:db8:1::10',
      port: 161,
      technique: 'udp',
    });
  });

  it('leaves out later fragments, which have no ports', () => {
    const packet = tcp4('02');
    packet[7] = 2;
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

/** One NFLOG record: header, then attributes padded to 4 bytes, little-endian. */
function nflog(attributes: readonly (readonly [number, Uint8Array])[]): Uint8Array {
  const parts = attributes.map(([type, value]) => {
    const part = new Uint8Array((4 + value.length + 3) & ~3);
    new DataView(part.buffer).setUint16(0, 4 + value.length, true);
    new DataView(part.buffer).setUint16(2, type, true);
    part.set(value, 4);
    return part;
  });
  return Uint8Array.from([2, 0, 0x12, 0x6b, ...parts.flatMap((part) => [...part])]);
}

describe('decodeNflog', () => {
  const prefix = new TextEncoder().encode('picket trip\0');

  it('finds the prefix and the packet among other attributes', () => {
    const record = decodeNflog(
      nflog([
        [1, bytes('0800 01 00')],
        [10, prefix],
        [9, tcp4('02')],
      ]),
    );
    expect(record?.prefix).toBe('picket trip');
    expect(record?.payload).toEqual(tcp4('02'));
  });

  it('refuses a record without a packet, and one that is cut', () => {
    const whole = nflog([
      [10, prefix],
      [9, tcp4('02')],
    ]);
    expect(decodeNflog(nflog([[10, prefix]]))).toBeUndefined();
    expect(decodeNflog(whole.subarray(0, whole.length - 5))).toBeUndefined();
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (data) => {
        decodeNflog(data);
        if (data.length > 1) data[1] = 0;
        decodeNflog(data);
      }),
      { numRuns: FUZZ_RUNS },
    );
  });
});

/** A pcap stream of the given records, in either byte order and resolution. */
function pcap(records: readonly Uint8Array[], { littleEndian = true, nano = false } = {}): Uint8Array {
  const head = new DataView(new ArrayBuffer(24));
  head.setUint32(0, nano ? 0xa1b23c4d : 0xa1b2c3d4, littleEndian);
  head.setUint32(20, 239, littleEndian);
  const parts = records.map((record, i) => {
    const header = new DataView(new ArrayBuffer(16));
    header.setUint32(0, 1_700_000_000 + i, littleEndian);
    header.setUint32(4, nano ? 500_000_000 : 500_000, littleEndian);
    header.setUint32(8, record.length, littleEndian);
    header.setUint32(12, record.length, littleEndian);
    return [...new Uint8Array(header.buffer), ...record];
  });
  return Uint8Array.from([...new Uint8Array(head.buffer), ...parts.flat()]);
}

describe('pcapDecoder', () => {
  it('gives the same packets however the stream is cut', () => {
    const records = fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 8 });
    const cuts = fc.array(fc.nat(400), { maxLength: 10 });
    fc.assert(
      fc.property(records, cuts, fc.boolean(), fc.boolean(), (packets, at, littleEndian, nano) => {
        const stream = pcap(packets, { littleEndian, nano });
        const decode = pcapDecoder();
        const bounds = [0, ...at.map((n) => Math.min(n, stream.length)).sort((a, b) => a - b), stream.length];
        const got = bounds.slice(1).flatMap((end, i) => {
          const step = decode(stream.subarray(bounds[i], end));
          return step.ok ? step.packets : expect.fail(step.reason);
        });
        expect(got.map((p) => [...p.bytes])).toEqual(packets.map((p) => [...p]));
        expect(got.map((p) => p.atMs)).toEqual(packets.map((_, i) => (1_700_000_000.5 + i) * 1000));
      }),
    );
  });

  it('fails for good on what is no pcap stream, and on a record that claims too much', () => {
    const noPcap = pcapDecoder();
    expect(noPcap(new Uint8Array(24)).ok).toBe(false);
    expect(noPcap(pcap([])).ok).toBe(false);
    const huge = pcap([new Uint8Array(4)]);
    new DataView(huge.buffer).setUint32(24 + 8, 0x7fff_ffff, true);
    expect(pcapDecoder()(huge)).toMatchObject({ ok: false, reason: expect.stringContaining('2147483647') });
  });
});
