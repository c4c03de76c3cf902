/** What an interface description block says (pcapng, section 4.2). */
export interface CaptureInterface {
  readonly linkType: number;
  /** Most bytes kept of a packet; 0 is no limit. */
  readonly snapBytes: number;
  readonly name: string | undefined;
  /** Units of its timestamps in a second. */
  readonly perSecond: number;
  /** Added to its timestamps, s. */
  readonly offsetS: number;
}

/** Options of an interface description. */
const IF_NAME = 2;
const IF_TSRESOL = 9;
const IF_TSOFFSET = 14;

/** Option of an enhanced packet: flags, whose lowest two bits tell the direction. */
const EPB_FLAGS = 2;
const DIRECTIONS = [undefined, 'in', 'out', undefined] as const;

/** Microseconds, where no option says otherwise. */
const DEFAULT_PER_SECOND = 1e6;

/** Most characters of an interface's name: IFNAMSIZ is 16, Windows has longer ones. */
const MAX_NAME = 64;

const INTERFACE_HEADER_BYTES = 8;

/**
 * Reads the body of an interface description block.
 *
 * @returns undefined when it is cut
 */
export function decodeInterface(body: Uint8Array, littleEndian: boolean): CaptureInterface | undefined {
  if (body.length < INTERFACE_HEADER_BYTES) return undefined;
  const view = viewOf(body);
  const options = optionsOf(body, INTERFACE_HEADER_BYTES, littleEndian);
  const name = options.get(IF_NAME);
  const offset = options.get(IF_TSOFFSET);
  return {
    linkType: view.getUint16(0, littleEndian),
    snapBytes: view.getUint32(4, littleEndian),
    name: name && new TextDecoder().decode(name).slice(0, MAX_NAME),
    perSecond: resolution(options.get(IF_TSRESOL)?.[0]),
    offsetS: offset?.length === 8 ? Number(viewOf(offset).getBigInt64(0, littleEndian)) : 0,
  };
}

/** A negative power of ten, or with the highest bit set of two. */
function resolution(value: number | undefined): number {
  if (value === undefined) return DEFAULT_PER_SECOND;
  return value & 0x80 ? 2 ** (value & 0x7f) : 10 ** value;
}

/** Which way a packet went, as the options of its block tell from `start` on. */
export function directionOf(
  body: Uint8Array,
  start: number,
  littleEndian: boolean,
): 'in' | 'out' | undefined {
  if (start >= body.length) return undefined;
  const flags = optionsOf(body, start, littleEndian).get(EPB_FLAGS);
  return flags?.length === 4 ? DIRECTIONS[viewOf(flags).getUint32(0, littleEndian) & 3] : undefined;
}

/** Options by their code, the last of each; reading ends where they are cut. */
function optionsOf(body: Uint8Array, start: number, littleEndian: boolean): Map<number, Uint8Array> {
  const [view, options] = [viewOf(body), new Map<number, Uint8Array>()];
  let at = start;
  while (at + 4 <= body.length) {
    const [code, length] = [view.getUint16(at, littleEndian), view.getUint16(at + 2, littleEndian)];
    if (code === 0 || at + 4 + length > body.length) break;
    options.set(code, body.subarray(at + 4, at + 4 + length));
    at += 4 + ((length + 3) & ~3);
  }
  return options;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
