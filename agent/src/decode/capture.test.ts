import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { captureDecoder } from './capture.ts';
import { MAX_PACKET_BYTES } from './record-stream.ts';
import { bytes, concat, number } from './testing/bytes.ts';
import { block, option, pcap, pcapng, snoop, type Written } from './testing/captures.ts';

/** Times to the microsecond, as every format has them. */
const packet = fc.record({
  atMs: fc.integer({ min: 0, max: 2 ** 31 }).map((s) => s * 1000 + 500.25),
  data: fc.uint8Array({ maxLength: 60 }),
});

const FORMATS: Record<string, (packets: readonly Written[]) => Uint8Array> = {
  pcap: (packets) => pcap(packets),
  'pcap of a big-endian host': (packets) => pcap(packets, { littleEndian: false }),
  'pcap in nanoseconds': (packets) => pcap(packets, { nano: true }),
  pcapng: (packets) => pcapng(packets),
  'pcapng of a big-endian host': (packets) => pcapng(packets, { littleEndian: false }),
  'pcapng with a section for each packet': (packets) =>
    concat(pcapng([]), ...packets.map((one, i) => pcapng([one], { littleEndian: i % 2 === 0 }))),
  snoop: (packets) => snoop(packets),
};

/** All packets of a stream, given to a decoder in pieces that end at the given places. */
function decodeCut(stream: Uint8Array, at: readonly number[] = []) {
  const decode = captureDecoder();
  const bounds = [0, ...at.map((n) => n % (stream.length + 1)).sort((a, b) => a - b), stream.length];
  return bounds.slice(1).flatMap((end, i) => {
    const step = decode(stream.slice(bounds[i], end));
    return step.ok ? step.packets : expect.fail(step.reason);
  });
}

const reasonOf = (stream: Uint8Array): string | undefined => {
  const step = captureDecoder()(stream);
  return step.ok ? undefined : step.reason;
};

describe('captureDecoder', () => {
  it.each(Object.entries(FORMATS))('gives the same packets of %s however the stream is cut', (_, write) => {
    const cuts = fc.array(fc.nat(4_000), { maxLength: 12 });
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 8 }), cuts, (packets, at) => {
        const got = decodeCut(write(packets), at);
        expect(got.map((p) => [...p.bytes])).toEqual(packets.map((p) => [...p.data]));
        expect(got.map((p) => p.wireBytes)).toEqual(packets.map((p) => p.data.length));
        got.forEach((p, i) => void expect(p.atMs).toBeCloseTo(packets[i]?.atMs ?? Number.NaN, 2));
        expect(got.every((p) => p.linkType === 1)).toBe(true);
      }),
    );
  });

  it.each(Object.entries(FORMATS))('takes %s byte by byte', (_, write) => {
    const stream = write([{ atMs: 1_500, data: bytes('01020304 05') }]);
    const got = decodeCut(
      stream,
      Array.from(stream, (_byte, i) => i),
    );
    expect(got).toMatchObject([{ atMs: 1_500, bytes: bytes('01020304 05') }]);
  });

  it('stays failed on what is no capture', () => {
    const decode = captureDecoder();
    expect(decode(new Uint8Array(3)).ok).toBe(true);
    expect(decode(new Uint8Array(1))).toMatchObject({
      ok: false,
      reason: expect.stringContaining('no capture'),
    });
    expect(decode(pcap([])).ok).toBe(false);
  });

  it.each([
    ['pcap', pcap([{ atMs: 0, data: new Uint8Array(4) }]), 24 + 8, true],
    ['pcapng', pcapng([{ atMs: 0, data: new Uint8Array(4) }]), 28 + 20 + 20, true],
    ['snoop', snoop([{ atMs: 0, data: new Uint8Array(4) }]), 16 + 4, false],
  ])('refuses a packet of %s that claims too much, for good', (_, stream, at, littleEndian) => {
    stream.set(number(MAX_PACKET_BYTES + 1, 4, littleEndian), at);
    const decode = captureDecoder();
    expect(decode(stream)).toMatchObject({ ok: false, reason: expect.stringContaining('262145') });
    expect(decode(pcap([]))).toMatchObject({ ok: false, reason: expect.stringContaining('262145') });
  });
});

describe('captureDecoder on damage', () => {
  it('gives the packets in front of it first', () => {
    const stream = concat(
      pcap([{ atMs: 0, data: bytes('0102') }]),
      new Uint8Array(8),
      number(0xffff_ffff, 4),
      number(0, 4),
    );
    const step = captureDecoder()(stream);
    expect(step).toMatchObject({ ok: false, packets: [{ bytes: bytes('0102') }] });
  });
});

describe('captureDecoder of pcapng', () => {
  const le = (value: number, size: 2 | 4 = 4) => number(value, size, true);
  const section = pcapng([]).subarray(0, 28);
  const anInterface = (linkType: number, ...options: Uint8Array[]) =>
    block(1, true, le(linkType, 2), le(0, 2), le(0), ...options);
  const enhanced = (index: number, high: number, low: number, ...options: Uint8Array[]) =>
    block(6, true, le(index), le(high), le(low), le(4), le(60), bytes('0a0b0c0d'), ...options);

  it('keeps interfaces apart, with their link types, names, resolutions and offsets', () => {
    const stream = concat(
      section,
      anInterface(1, option(2, true, new TextEncoder().encode('eth0')), option(9, true, Uint8Array.of(9))),
      anInterface(101, option(14, true, concat(le(100), le(0))), option(9, true, Uint8Array.of(0x80 | 10))),
      enhanced(1, 0, 2_048),
      enhanced(0, 1, 705_032_704, option(2, true, le(1))),
    );
    expect(decodeCut(stream)).toEqual([
      { atMs: 102_000, linkType: 101, bytes: bytes('0a0b0c0d'), wireBytes: 60 },
      {
        atMs: 5_000,
        linkType: 1,
        bytes: bytes('0a0b0c0d'),
        wireBytes: 60,
        interfaceName: 'eth0',
        direction: 'in',
      },
    ]);
  });

  it('reads simple and old packet blocks, and skips blocks that it does not know', () => {
    const stream = concat(
      section,
      anInterface(1),
      block(0xbad, true, bytes('0102')),
      block(2, true, le(0, 2), le(7, 2), le(0), le(3_000_000), le(4), le(4), bytes('0a0b0c0d')),
      block(3, true, le(4), bytes('0a0b0c0d')),
    );
    const packet = { atMs: 3_000, linkType: 1, bytes: bytes('0a0b0c0d'), wireBytes: 4 };
    expect(decodeCut(stream)).toEqual([packet, packet]);
  });

  it('refuses damage: unlike lengths, a block of odd length, a packet of an interface that is not there', () => {
    const torn = concat(section, anInterface(1));
    torn[torn.length - 4] = 8;
    expect(reasonOf(torn)).toContain('two lengths');
    expect(reasonOf(concat(section, le(1), le(13), le(0)))).toContain('a block of 13 bytes');
    expect(reasonOf(concat(section, anInterface(1), enhanced(1, 0, 0)))).toContain('interface 1');
    expect(reasonOf(concat(section, le(0x0a0d0d0a), le(28), le(0)))).toContain('magic');
  });
});

describe('captureDecoder of snoop', () => {
  it.each([
    [0, 1],
    [4, 1],
    [9, 0],
    [14, 0],
    [0x8000_0001, 228],
    [0x8000_0005, 226],
  ])('takes data-link type %d for link type %d', (media, linkType) => {
    const step = captureDecoder()(snoop([{ atMs: 0, data: bytes('00') }], media));
    expect(step).toMatchObject({ ok: true, packets: [{ linkType, lost: 0 }] });
  });

  it('refuses other data-link types and versions by name', () => {
    expect(reasonOf(snoop([], 8))).toContain('type 8, FDDI, is not read');
    expect(reasonOf(snoop([], 77))).toContain('type 77 is not read');
    const stream = snoop([]);
    stream[11] = 3;
    expect(reasonOf(stream)).toContain('version 3');
  });
});
