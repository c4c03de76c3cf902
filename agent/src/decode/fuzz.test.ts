import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { captureDecoder } from './capture.ts';
import { LINKTYPE } from './link.ts';
import { packetDecoder } from './packet-decoder.ts';
import { decodeProbe } from './probe.ts';
import { framesOf, RECORDED } from './testing/recorded.ts';

const isFull = process.env.PICKET_TEST_FULL === '1';

/** Frames made by mutation, each given as 16 link types and a probe: 12,750,000 inputs in `scripts/test --full`. */
const FRAME_RUNS = isFull ? 750_000 : 2_000;

/** Frames of random bytes, given so too: 4,250,000 inputs. */
const RANDOM_RUNS = isFull ? 250_000 : 1_000;

/** Damaged streams of all formats, some 50 packets each. */
const STREAM_RUNS = isFull ? 100_000 : 300;

const LINK_TYPES = [...Object.values(LINKTYPE), 12, 14];
const CAPTURES = RECORDED.map(
  (name) => new Uint8Array(readFileSync(join(import.meta.dirname, 'testdata', name))),
);
const FRAMES = CAPTURES.flatMap(framesOf);

/** Bytes that mean something somewhere: lengths, versions, protocols, flags. */
const VALUE = fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 2, 4, 6, 17, 44, 60, 0x45, 0x4f, 0x60, 0x7f, 0xff));

/** Changes of single bytes. */
const changes = (length: number) => fc.array(fc.tuple(fc.nat(length), VALUE), { maxLength: 6 });

/** A recorded frame with some bytes changed, cut anywhere. */
const mutated = fc
  .tuple(fc.constantFrom(...FRAMES), changes(80), fc.option(fc.nat(160), { freq: 3 }))
  .map(([{ bytes }, edits, cut]) => {
    const data = bytes.slice(0, cut ?? bytes.length);
    for (const [at, value] of edits) if (at < data.length) data[at] = value;
    return data;
  });

/** One decoder for all: what one frame left in it must not hurt the next. */
const decoder = packetDecoder();

function decodeAsAll(data: Uint8Array, wireBytes = data.length): void {
  for (const linkType of LINK_TYPES) decoder.decode({ atMs: 0, linkType, bytes: data, wireBytes });
  decodeProbe(data, 0);
}

describe('no bytes make a decoder throw', () => {
  it('recorded frames with changes, as any link type', () => {
    fc.assert(
      fc.property(mutated, fc.boolean(), (data, isCut) => decodeAsAll(data, data.length + Number(isCut))),
      { numRuns: FRAME_RUNS },
    );
  });

  it('random frames, as any link type', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (data) => decodeAsAll(data)),
      { numRuns: RANDOM_RUNS },
    );
  });

  it('streams with changes, which give the same packets and end for the same reason however they are cut', () => {
    const stream = fc.constantFrom(...CAPTURES).chain((bytes) =>
      fc
        .tuple(fc.array(fc.tuple(fc.nat(600), VALUE), { maxLength: 3 }), fc.nat(bytes.length))
        .map(([edits, cut]) => {
          const data = bytes.slice(0, Math.max(cut, 700));
          for (const [at, value] of edits) if (at < data.length) data[at] = value;
          return data;
        }),
    );
    fc.assert(
      fc.property(stream, fc.array(fc.nat(2_000), { maxLength: 4 }), (bytes, cuts) => {
        expect(read(pieces(bytes, cuts))).toEqual(read([bytes]));
      }),
      { numRuns: STREAM_RUNS },
    );
  });
});

function pieces(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const bounds = [0, ...cuts.map((n) => n % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return bounds.slice(1).map((end, i) => bytes.slice(bounds[i], end));
}

/** How many packets came, a sum over them, and why the stream ended early. */
function read(chunks: readonly Uint8Array[]) {
  const decode = captureDecoder();
  let [packets, sum, reason]: [number, number, string | undefined] = [0, 0, undefined];
  for (const chunk of chunks) {
    const step = decode(chunk);
    for (const packet of step.packets) {
      packets++;
      sum +=
        packet.atMs + packet.linkType + packet.bytes.length + packet.wireBytes + (packet.bytes.at(-1) ?? 0);
      decoder.decode(packet);
    }
    if (!step.ok) reason = step.reason;
  }
  return { packets, sum, reason };
}
