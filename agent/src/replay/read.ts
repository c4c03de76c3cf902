import { createReadStream } from 'node:fs';
import { captureDecoder } from '../decode/capture.ts';
import { linkProblem } from '../decode/link.ts';
import type { Packet } from '../decode/packet.ts';
import { type PassedOver, packetDecoder } from '../decode/packet-decoder.ts';

/** A capture that cannot be replayed. `code` is stable. */
export class ReplayError extends Error {
  readonly code: 'capture_unreadable' | 'not_a_capture' | 'link_unknown';
  override readonly name = 'ReplayError';
  constructor(code: ReplayError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** How the reading of a capture went. */
export interface Reading {
  /** Frames read, whatever they held. */
  frames: number;
  /** Why the rest of the file could not be read. */
  cut?: string;
  passedOver: PassedOver;
}

/** Size of a piece read at once, bytes: one of some thousand packets. */
const PIECE_BYTES = 262_144;

/**
 * Reads the packets of a capture file in order, a piece at a time.
 *
 * @param reading is kept up to date
 * @throws ReplayError when not a single packet could be read for a reason that a person can mend
 */
export async function* readCapture(file: string, reading: Reading): AsyncGenerator<Packet> {
  const decode = captureDecoder();
  const packets = packetDecoder();
  let [held, isEmpty] = [0, true];
  for await (const piece of pieces(file)) {
    isEmpty = false;
    const step = decode(piece);
    for (const captured of step.packets) {
      const problem = linkProblem(captured.linkType);
      if (problem !== undefined && reading.frames === 0)
        throw new ReplayError('link_unknown', `${file}: ${problem}`);
      reading.frames++;
      const packet = packets.decode(captured);
      if (packet !== undefined) yield packet;
    }
    reading.passedOver = packets.passedOver();
    if (!step.ok) reading.cut = step.reason;
    if (!step.ok) break;
    held = step.held;
  }
  if (reading.cut === undefined && held > 0) reading.cut = 'it ends amid a packet';
  const isNone = reading.frames === 0 && reading.cut !== undefined;
  if (isEmpty || isNone) throw new ReplayError('not_a_capture', `${file}: ${reading.cut ?? 'it is empty'}`);
}

/** A reading that has not begun. */
export function newReading(): Reading {
  return { frames: 0, passedOver: { notIp: 0, malformed: 0, fragments: 0 } };
}

async function* pieces(file: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(file, { highWaterMark: PIECE_BYTES }) as AsyncIterable<Buffer>;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'no such file' : `cannot be read (${code})`;
    throw new ReplayError('capture_unreadable', `${file}: ${why}`, { cause });
  }
}
