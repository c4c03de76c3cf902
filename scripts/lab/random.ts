/**
 * Numbers from 0 to below 1 that a seed determines: the same seed, the same run. A linear congruential generator modulo
 * 2^48 with the constants of drand48(3), of which the upper 32 bits are used.
 */
export function seeded(seed: number): () => number {
  let state = (BigInt(seed >>> 0) << 16n) | 0x330en;
  return () => {
    state = (state * 0x5deece66dn + 0xbn) & 0xffffffffffffn;
    return Number(state >> 16n) / 2 ** 32;
  };
}
