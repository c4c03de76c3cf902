import { z } from 'zod';
import { numericDateSchema, thumbprintSchema, unixMsSchema, uuid7Schema } from './ids.ts';

/** `typ` header of a request to give a host another key, signed by the key it has (`kid`). */
export const ROTATION_TYP = 'picket-rotation+jwt';

/** `typ` header of the proof in it, signed by the new key with that key as `jwk`. */
export const NEW_KEY_TYP = 'picket-new-key+jwt';

/** `typ` header of the collector's signed answer. */
export const ROTATED_TYP = 'picket-rotated+jwt';

/** Claims of a rotation request. */
export const rotationClaimsSchema = z.object({
  iss: z.string().max(128),
  net: uuid7Schema,
  aud: z.string().max(128),
  iat: numericDateSchema,
  jti: uuid7Schema,
  /** The proof: a compact JWS. */
  newKey: z.string().max(2_048),
});

export type RotationClaims = z.infer<typeof rotationClaimsSchema>;

/**
 * Claims of the proof. It names host, collector and the key that introduces it: so nobody can show the key of another
 * host as his own, and a proof is worth nothing anywhere else.
 */
export const newKeyClaimsSchema = z.object({
  iss: z.string().max(128),
  aud: z.string().max(128),
  /** Thumbprint of the key that signs the request around it. */
  by: thumbprintSchema,
});

export type NewKeyClaims = z.infer<typeof newKeyClaimsSchema>;

/** Claims of the answer; `aud` is the thumbprint of the new key. */
export const rotatedClaimsSchema = z.object({
  iss: z.string().max(128),
  aud: z.string().max(128),
  iat: numericDateSchema,
  net: uuid7Schema,
  hostId: uuid7Schema,
  /** Until then batches signed by the former key are taken, Unix ms. */
  formerUntilMs: unixMsSchema,
});

export type RotatedClaims = z.infer<typeof rotatedClaimsSchema>;
