import type { PushErrorCode } from '@picket/protocol';
import type { ZodError } from 'zod';

/**
 * Why a request is refused, in the terms of RFC 8935 section 2.4.
 * `status` is set where HTTP has a better word than 400: 413, 415 and 426 (RFC 9110 section 15.5).
 */
export interface Refusal {
  readonly ok: false;
  readonly err: PushErrorCode;
  readonly description: string;
  readonly status?: 413 | 415 | 426;
}

/** Longest description in a reply, characters: part of it may be quoted from the request. */
const MAX_DESCRIPTION = 300;

/** Builds a refusal; the description is cut to what a log line bears. */
export function refuse(err: PushErrorCode, description: string, status?: 413 | 415 | 426): Refusal {
  const base = { ok: false, err, description: description.slice(0, MAX_DESCRIPTION) } as const;
  return status === undefined ? base : { ...base, status };
}

/** A refusal that names the first place in the request that its schema does not accept. */
export function refuseSchema(what: string, error: ZodError): Refusal {
  const issue = error.issues[0];
  const path = issue?.path.map(String).join('.') ?? '';
  return refuse(
    'invalid_request',
    `${what}: ${path === '' ? '' : `${path}: `}${issue?.message ?? 'invalid'}`,
  );
}
