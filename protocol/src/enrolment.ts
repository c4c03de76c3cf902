import { z } from 'zod';
import { numericDateSchema, uuid7Schema } from './ids.ts';
import { MAX_NAME_LENGTH } from './limits.ts';

/** `typ` header of an enrolment request, a JWS signed by the host's new key with that key as `jwk`. */
export const ENROLMENT_TYP = 'picket-enrolment+jwt';

/** `typ` header of the collector's signed answer. */
export const ENROLLED_TYP = 'picket-enrolled+jwt';

/** A join token: 256 random bits as base64url. */
export const joinTokenSchema = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be a join token');

/** Claims of an enrolment request. */
export const enrolmentClaimsSchema = z.object({
  aud: z.string().max(128),
  iat: numericDateSchema,
  jti: uuid7Schema,
  net: uuid7Schema,
  token: joinTokenSchema,
  hostName: z.string().min(1).max(MAX_NAME_LENGTH),
  os: z.string().max(64),
  arch: z.string().max(32),
  agentVersion: z.string().max(64),
  wireVersion: z.int().min(1),
});

export type EnrolmentClaims = z.infer<typeof enrolmentClaimsSchema>;

/** Claims of the answer to an enrolment, signed by the collector; `aud` is the thumbprint of the host's key. */
export const enrolledClaimsSchema = z.object({
  iss: z.string().max(128),
  aud: z.string().max(128),
  iat: numericDateSchema,
  net: uuid7Schema,
  networkName: z.string().max(MAX_NAME_LENGTH),
  hostId: uuid7Schema,
  /** How often the host sends a status, seconds. */
  statusSeconds: z.int().min(5).max(86_400),
});

export type EnrolledClaims = z.infer<typeof enrolledClaimsSchema>;
