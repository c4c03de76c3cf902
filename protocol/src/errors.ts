import { z } from 'zod';

/** Error codes of RFC 8935 section 2.4 that a push can be answered with. */
export const PUSH_ERRORS = [
  'invalid_request',
  'invalid_key',
  'invalid_issuer',
  'invalid_audience',
  'authentication_failed',
  'access_denied',
] as const;

export type PushErrorCode = (typeof PUSH_ERRORS)[number];

/** Body of a refused push (RFC 8935 section 2.3); also used for enrolment and the block list. */
export const pushErrorSchema = z.object({ err: z.string().max(64), description: z.string().max(1000) });

export type PushError = { err: PushErrorCode; description: string };
