import type { PushErrorCode } from '@picket/protocol';
import type { ZodError } from 'zod';

/**
 * Why a request is refused, in the terms of RFC 8935 section 2.4.
 * `status` is set where HTTP has a better word than 400: 406, 413, 415 and 426 (RFC 9110 section 15.5).
 */
export interface Refusal {
  readonly ok: false;
  readonly err: PushErrorCode;
  readonly description: string;
  readonly status?: RefusalStatus;
  /** What stands behind the code, for those who count; `other` when absent. */
  readonly cause?: RefusalCause;
  /** Seconds that the host has to wait before anything else of it is looked at: it is over its limit. */
  readonly waitSeconds?: number;
  /** True when a host of the network signed the request all the same: it is not a stranger's. */
  readonly isOfHost?: true;
}

type RefusalStatus = 406 | 413 | 415 | 426;

/** What is told apart beyond the codes: a host nobody knows, one that was withdrawn, a signature that does not fit. */
export type RefusalCause = 'unknown_host' | 'withdrawn_host' | 'signature';

/** Longest description in a reply, characters: part of it may be quoted from the request. */
const MAX_DESCRIPTION = 300;

/** Builds a refusal; the description is cut to what a log line bears. */
export function refuse(err: PushErrorCode, description: string, status?: RefusalStatus): Refusal {
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

/** The same refusal with what stands behind it. */
export function because(cause: RefusalCause, refusal: Refusal): Refusal {
  return { ...refusal, cause };
}

/** A result behind a good signature: what it refuses, it refuses to a host of the network. */
export function ofHost<T extends { readonly ok: true }>(result: T | Refusal): T | Refusal {
  return result.ok ? result : { ...result, isOfHost: true };
}
