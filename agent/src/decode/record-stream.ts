/** One captured frame. */
export interface CapturedPacket {
  /** Unix time in ms, with fractions. */
  readonly atMs: number;
  /** Link type of the capture (https://www.tcpdump.org/linktypes.html). */
  readonly linkType: number;
  /** What the capture kept. */
  readonly bytes: Uint8Array;
  /** Length of the frame on the wire: more than `bytes` holds when the capture cut it. */
  readonly wireBytes: number;
  /** Where the format tells (pcapng). */
  readonly interfaceName?: string;
  readonly direction?: 'in' | 'out';
  /** Packets that the capture had lost until then, where the format tells (snoop). */
  readonly lost?: number;
}

/**
 * What a decoder says to a chunk: the packets that became whole, and with `ok` false why the stream cannot be read on
 * after them.
 */
export type CaptureStep =
  /** `held`: bytes of a record that is not whole yet; at the end of a file they show that it was cut. */
  | { ok: true; packets: CapturedPacket[]; held: number }
  | { ok: false; reason: string; packets: CapturedPacket[] };

/**
 * A decoder of a capture stream that comes in chunks of any size. It holds at most one record; after a failure it stays
 * failed, since nothing marks where the next record begins.
 */
export type CaptureDecoder = (chunk: Uint8Array) => CaptureStep;

/** Most bytes of one packet: a capture that claims more is damaged. tcpdump's own limit is 262144. */
export const MAX_PACKET_BYTES = 262_144;

/** How a file format is cut into records; the file's header is the first one. */
export interface RecordFormat {
  /** Bytes of the next record that it takes to tell its length. */
  headBytes(): number;
  /** Length of the record at an offset, its head included; a sentence when the stream is damaged. */
  lengthAt(view: DataView, at: number): number | string;
  /** Takes a whole record; a sentence when the stream is damaged. */
  take(record: Uint8Array, view: DataView, at: number, packets: CapturedPacket[]): string | undefined;
}

/** Cuts a stream into the records of a format. Chunks are copied once, and joined only when a record is whole. */
export function recordStream(format: RecordFormat): CaptureDecoder {
  let pending: Uint8Array[] = [];
  let [held, wanted] = [0, 0];
  let failure: string | undefined;

  const fail = (reason: string, packets: CapturedPacket[]): CaptureStep => {
    pending = [];
    failure = reason;
    return { ok: false, reason, packets };
  };

  return (chunk) => {
    if (failure !== undefined) return { ok: false, reason: failure, packets: [] };
    // `slice` of a Buffer would not copy.
    if (chunk.length > 0) pending.push(new Uint8Array(chunk));
    held += chunk.length;
    const packets: CapturedPacket[] = [];
    if (held < wanted) return { ok: true, packets, held };
    const bytes = joined(pending, held);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let at = 0;
    for (;;) {
      wanted = format.headBytes();
      if (held - at < wanted) break;
      const length = format.lengthAt(view, at);
      if (typeof length === 'string') return fail(length, packets);
      wanted = length;
      if (held - at < wanted) break;
      const damage = format.take(bytes.subarray(at, at + length), view, at, packets);
      if (damage !== undefined) return fail(damage, packets);
      at += length;
    }
    pending = at < held ? [at === 0 ? bytes : bytes.slice(at)] : [];
    held -= at;
    return { ok: true, packets, held };
  };
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
