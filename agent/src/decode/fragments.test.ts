import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sum16 } from './checksum.ts';
import { HOLD_MS, MAX_DATAGRAMS } from './fragments.ts';
import { LINKTYPE } from './link.ts';
import type { Packet } from './packet.ts';
import { packetDecoder } from './packet-decoder.ts';
import { bytes, concat, number } from './testing/bytes.ts';

/** A whole TCP SYN from port 40000 to port 23 with a good checksum for the addresses below, 24 bytes. */
const SYN = withSum(bytes('9c40 0017 00000001 00000000 6002 0400 0000 0000 020405b4'));

function withSum(segment: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const pseudo = sum16(bytes('c6336407 cb00710a'), 0, 8, 6 + segment.length);
  segment.set(number(0xffff - sum16(segment, 0, segment.length, pseudo), 2), 16);
  return segment;
}

type Piece = { offset: number; data: Uint8Array; isLast: boolean };

/** An IPv4 fragment with a good header checksum. */
function fragment4({ offset, data, isLast }: Piece, id = 7, protocol = 6): Uint8Array {
  const place = number(offset / 8 + (isLast ? 0 : 0x2000), 2);
  const head = concat(
    bytes('4500'),
    number(20 + data.length, 2),
    number(id, 2),
    place,
    bytes('40'),
    Uint8Array.of(protocol),
    bytes('0000 c6336407 cb00710a'),
  );
  head.set(number(0xffff - sum16(head, 0, 20), 2), 10);
  return concat(head, data);
}

/** An IPv6 fragment. */
function fragment6({ offset, data, isLast }: Piece, next = 6): Uint8Array {
  return concat(
    bytes('6000 0000'),
    number(8 + data.length, 2),
    bytes('2c40 20010db8 00000000 00000000 00000007 20010db8 00010000 00000000 00000010'),
    Uint8Array.of(next, 0),
    number(offset + (isLast ? 0 : 1), 2),
    bytes('00000007'),
    data,
  );
}

/** A payload cut into pieces of a size, as nmap -f cuts it. */
function cut(payload: Uint8Array, size: number): Piece[] {
  return Array.from({ length: Math.ceil(payload.length / size) }, (_, i) => ({
    offset: i * size,
    data: payload.slice(i * size, (i + 1) * size),
    isLast: (i + 1) * size >= payload.length,
  }));
}

function decodeAll(packets: readonly Uint8Array[], atMs = 0): Packet[] {
  const decoder = packetDecoder();
  return packets.flatMap(
    (ip) => decoder.decode({ atMs, linkType: LINKTYPE.raw, bytes: ip, wireBytes: ip.length }) ?? [],
  );
}

describe('fragments', () => {
  it.each([8, 16])('of %d bytes make one TCP segment with its flags and checksum', (size) => {
    const packets = decodeAll(cut(SYN, size).map((piece) => fragment4(piece)));
    expect(packets).toMatchObject([
      { segment: { kind: 'tcp', sourcePort: 40_000, port: 23, flags: 2 }, checksum: 'good' },
    ]);
  });

  it('make the same packet in whatever order they come, and however often', () => {
    const payload = concat(SYN, new Uint8Array(100));
    const pieces = cut(payload, 8).map((piece) => fragment4(piece));
    const [whole] = decodeAll(pieces);
    fc.assert(
      fc.property(
        fc.shuffledSubarray(pieces, { minLength: pieces.length }),
        fc.subarray(pieces),
        (all, twice) => {
          // Those that came twice stand in front, so that the head is not complete before the rest comes.
          const given = decodeAll([...twice.slice(1), ...all]);
          expect(given[0]).toEqual(whole);
        },
      ),
    );
  });

  it('over IPv6 make one segment, extension headers behind the fragment header included', () => {
    expect(decodeAll(cut(SYN, 8).map((piece) => fragment6(piece)))).toMatchObject([
      { source: '2001:db8::7', segment: { kind: 'tcp', port: 23, flags: 2 } },
    ]);
    const behindOptions = concat(bytes('0600 0104 00000000'), SYN);
    expect(decodeAll(cut(behindOptions, 8).map((piece) => fragment6(piece, 60)))).toMatchObject([
      { protocol: 6, segment: { kind: 'tcp', port: 23 } },
    ]);
  });

  it('of IPv6 that are atomic are whole packets, whatever else has their identification', () => {
    const atomic = fragment6({ offset: 0, data: SYN, isLast: true });
    const first = fragment6({ offset: 0, data: SYN.slice(0, 8), isLast: false });
    expect(decodeAll([first, atomic])).toMatchObject([{ segment: { kind: 'tcp', port: 23 } }]);
  });

  it('give a long datagram as soon as its first fragment came, with its checksum unknown', () => {
    const pieces = cut(concat(SYN, new Uint8Array(1_000)), 512).map((piece) => fragment4(piece));
    expect(decodeAll(pieces.slice(0, 1))).toMatchObject([{ segment: { port: 23 }, checksum: 'unknown' }]);
    expect(decodeAll(pieces)).toHaveLength(1);
  });

  it('that overlap cannot rewrite what was read', () => {
    const forged = SYN.slice(8, 16);
    forged[5] = 0x10;
    const [first, second, third] = cut(SYN, 8).map((piece) => fragment4(piece));
    const late = fragment4({ offset: 8, data: forged, isLast: false });
    expect(decodeAll([second, late, first, third].map((p) => p ?? expect.fail()))).toMatchObject([
      { segment: { flags: 2 } },
    ]);
  });

  it('of different datagrams are kept apart', () => {
    const [first, second, third] = cut(SYN, 8);
    if (!first || !second || !third) return expect.fail();
    expect(decodeAll([fragment4(first, 1), fragment4(second, 2), fragment4(third, 1)])).toEqual([]);
    expect(decodeAll([fragment4(first), fragment4(second, 7, 17), fragment4(third)])).toEqual([]);
  });

  it('that no stack takes are not taken: empty, of odd size, past the end, with a bad header', () => {
    const [first, second, third] = cut(SYN, 8).map((piece) => fragment4(piece));
    if (!first || !second || !third) return expect.fail();
    const bad = second.slice();
    bad[10] = (bad[10] ?? 0) ^ 1;
    const odd = fragment4({ offset: 8, data: SYN.slice(8, 15), isLast: false });
    const empty = fragment4({ offset: 8, data: new Uint8Array(0), isLast: false });
    const past = fragment4({ offset: 65_528, data: SYN, isLast: true });
    expect(decodeAll([first, bad, odd, empty, past, third])).toEqual([]);
    expect(decodeAll([first, bad, odd, empty, past, third, second])).toHaveLength(1);
  });

  it('later than the head give nothing alone', () => {
    expect(decodeAll([fragment4({ offset: 64, data: SYN, isLast: true })])).toEqual([]);
  });

  it('are held within bounds of number and time, and what is given up is counted', () => {
    const decoder = packetDecoder();
    const [first, second, third] = cut(SYN, 8);
    if (!first || !second || !third) return expect.fail();
    const give = (piece: Piece, id: number, atMs: number) => {
      const ip = fragment4(piece, id);
      return decoder.decode({ atMs, linkType: LINKTYPE.raw, bytes: ip, wireBytes: ip.length });
    };
    for (let id = 0; id <= MAX_DATAGRAMS; id++) give(first, id, 0);
    expect(decoder.passedOver().fragments).toBe(1);
    give(second, MAX_DATAGRAMS, 0);
    expect(give(third, MAX_DATAGRAMS, 0)).toMatchObject({ segment: { port: 23 } });
    give(first, 0, HOLD_MS + 1);
    expect(decoder.passedOver().fragments).toBe(MAX_DATAGRAMS);
    // What came of it before is gone: the rest alone does not make it whole.
    expect([give(second, 1, HOLD_MS + 1), give(third, 1, HOLD_MS + 1)]).toEqual([undefined, undefined]);
  });
});
