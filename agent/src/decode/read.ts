/** Unsigned 16 bits in network order. Bytes past the end read as 0: callers check lengths, and nothing can throw. */
export function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

/** Unsigned 32 bits in network order, as {@link u16}. */
export function u32(bytes: Uint8Array, at: number): number {
  return u16(bytes, at) * 0x1_0000 + u16(bytes, at + 2);
}

/** Text of a field of fixed size, up to its first zero byte, one character per byte. */
export function fieldText(bytes: Uint8Array, start: number, end: number): string {
  const field = bytes.subarray(start, end);
  const zero = field.indexOf(0);
  return String.fromCharCode(...(zero < 0 ? field : field.subarray(0, zero)));
}
