import { sha256 } from '@noble/hashes/sha2.js';
import { z } from 'zod';
import { numericDateSchema, unixMsSchema } from './ids.ts';
import { MAX_ALLOW_ENTRIES, MAX_BLOCK_LIST_ENTRIES } from './limits.ts';
import { tierSchema } from './sighting.ts';
import { type Source, sourceSchema } from './source.ts';

/** `typ` header of a signed block list. */
export const BLOCK_LIST_TYP = 'picket-blocklist+jwt';

/** `typ` header of the bearer token a host makes for one request. */
export const REQUEST_TYP = 'picket-request+jwt';

/** Claims of that bearer token: bound to one method and URL as DPoP proofs are (RFC 9449 section 4.2). */
export const requestClaimsSchema = z.object({
  iss: z.string().max(128),
  net: z.string().max(64),
  aud: z.string().max(128),
  htm: z.string().max(16),
  htu: z.string().max(2048),
  iat: numericDateSchema,
  jti: z.string().max(64),
});

/** One shared block: source, end (Unix ms of the collector's clock), tier, and the reason a person reads. */
export const blockEntrySchema = z.tuple([sourceSchema, unixMsSchema, tierSchema, z.string().max(200)]);

export type BlockEntry = z.infer<typeof blockEntrySchema>;

/** Claims of a block list reply. */
export const blockListClaimsSchema = z.object({
  iss: z.string().max(128),
  aud: z.string().max(128),
  iat: numericDateSchema,
  exp: numericDateSchema,
  /** Name of one unbroken history of versions: versions of two epochs cannot be compared. */
  epoch: z.string().max(64),
  /** The version the changes start from; 0 with `full`. */
  since: z.int().min(0),
  version: z.int().min(0),
  /** True: `add` is the whole list, and whatever else a host holds is to be removed. */
  full: z.boolean(),
  add: z.array(blockEntrySchema).max(MAX_BLOCK_LIST_ENTRIES),
  remove: z.array(sourceSchema).max(MAX_BLOCK_LIST_ENTRIES),
  /** Addresses no host of the network blocks: the allow list and the network's own hosts. Always the whole. */
  allow: z.array(sourceSchema).max(MAX_ALLOW_ENTRIES),
  /** Those of `allow` that are addresses of the network's own hosts: probes from them are told loudly. */
  hosts: z.array(sourceSchema).max(MAX_ALLOW_ENTRIES).optional(),
  /**
   * There while the network is in observe mode: its hosts tell each decision and carry none out. `untilMs`: when that
   * ends by itself, Unix ms of the collector's clock. A host may be gentler than its network, never harsher; one that
   * does not know the field goes on as its own policy says.
   */
  observe: z.object({ untilMs: unixMsSchema.optional() }).optional(),
  /** {@link listDigest} of the whole list at `version`. */
  digest: z.string().regex(/^[0-9a-f]{16}$/),
});

export type BlockListClaims = z.infer<typeof blockListClaimsSchema>;

const ENCODER = new TextEncoder();

const MASK_64 = (1n << 64n) - 1n;

/** Contribution of one entry to the digest: the first 64 bits of SHA-256 over `source untilMs tier`. */
function entryHash([source, untilMs, tier]: BlockEntry): bigint {
  const hash = sha256(ENCODER.encode(`${source} ${untilMs} ${tier}`));
  return new DataView(hash.buffer, hash.byteOffset, 8).getBigUint64(0);
}

/**
 * Checksum of a list, 16 hex digits: the sum of its entries' hashes modulo 2^64. Independent of order, and kept up to
 * date by adding and subtracting. It finds a list that drifted; the signature is what keeps forgers out.
 */
export function listDigest(entries: Iterable<BlockEntry>): string {
  let sum = 0n;
  for (const entry of entries) sum = (sum + entryHash(entry)) & MASK_64;
  return sum.toString(16).padStart(16, '0');
}

/** The list after a reply: the whole new one, or the old one with the changes made. */
export function applyChanges(
  list: ReadonlyMap<Source, BlockEntry>,
  claims: Pick<BlockListClaims, 'full' | 'add' | 'remove'>,
): Map<Source, BlockEntry> {
  const next = new Map(claims.full ? [] : list);
  for (const source of claims.remove) next.delete(source);
  for (const entry of claims.add) next.set(entry[0], entry);
  return next;
}
