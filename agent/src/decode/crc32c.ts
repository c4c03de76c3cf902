/** Castagnoli's polynomial, bits reversed (RFC 9260 appendix A). */
const POLYNOMIAL = 0x82f63b78;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ POLYNOMIAL : rest >>> 1;
  return rest >>> 0;
});

/** CRC32c of SCTP: of `start` to `end`, with the four bytes at `hole`, where it stands itself, taken for zero. */
export function crc32c(bytes: Uint8Array, start: number, end: number, hole: number): number {
  let crc = 0xffff_ffff;
  for (let at = start; at < end; at++) {
    const byte = at >= hole && at < hole + 4 ? 0 : (bytes[at] ?? 0);
    crc = (crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] ?? 0);
  }
  return (crc ^ 0xffff_ffff) >>> 0;
}
