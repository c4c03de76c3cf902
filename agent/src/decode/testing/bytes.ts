/** Bytes from hexadecimal text; blanks do not count. */
export function bytes(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(hex.replaceAll(/\s/g, '').match(/../g) ?? [], (h) => Number.parseInt(h, 16));
}

/** Parts one after the other. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** A big-endian or little-endian number of 2 or 4 bytes. */
export function number(value: number, size: 2 | 4, littleEndian = false): Uint8Array {
  const view = new DataView(new ArrayBuffer(size));
  if (size === 2) view.setUint16(0, value, littleEndian);
  else view.setUint32(0, value, littleEndian);
  return new Uint8Array(view.buffer);
}
