import { type PushErrorCode, pushErrorSchema } from '@picket/protocol';
import type { HttpResult } from './http.ts';
import { retryAfterMs } from './retry.ts';
import { parseJson } from './state-file.ts';

/**
 * What an answer to a push means for the batch and for those behind it:
 * - `settle`: stored; it leaves the spool
 * - `reject`: can never be accepted; it is put aside, unless it was its date that was wrong
 * - `split`: too large; its halves may pass
 * - `defer`: this batch failed in a way that may be its own or a proxy's; others go first
 * - `pause`: the collector does not take batches now, whichever; `isAboutWay`: on another URL it may; `isAboutHost`: it
 *   does not take this host, `isAboutKey`: this key of it; `isMaybeBatch`: or it fails at this batch alone
 */
export type Verdict =
  | { do: 'settle' }
  | { do: 'reject'; why: string; isMaybeDate?: boolean }
  | { do: 'split' }
  | { do: 'defer'; why: string }
  | Pause;

/** See {@link Verdict}. `waitMs`: the server asks for that. */
export interface Pause {
  readonly do: 'pause';
  readonly why: string;
  readonly waitMs?: number;
  readonly isAboutHost?: boolean;
  readonly isAboutKey?: boolean;
  readonly isAboutWay?: boolean;
  readonly isMaybeBatch?: boolean;
}

/**
 * RFC 8935 codes that are the batch's own fault. `access_denied` and `invalid_key` are the standing of the host and of its
 * key, which can change.
 */
const FINAL: ReadonlySet<string> = new Set<PushErrorCode>([
  'invalid_request',
  'invalid_issuer',
  'invalid_audience',
  'authentication_failed',
]);

/** Reads the answer to a push (RFC 8935 sections 2.2 and 2.3). @param nowMs the collector's time, Unix ms */
export function verdictOf(result: HttpResult, nowMs: number): Verdict {
  if (!result.ok) return { do: 'pause', why: result.reason, isAboutWay: true };
  const { status, headers, body } = result.reply;
  // Only 202 is the collector's word: a captive portal answers 200 to everything.
  if (status === 202) return { do: 'settle' };
  if (status === 413) return { do: 'split' };
  if (status === 426) return { do: 'pause', why: 'it no longer speaks this wire version: update the agent' };
  if (status === 429 || status >= 500) {
    const waitMs = retryAfterMs(headers['retry-after'], nowMs);
    const [isAboutWay, isMaybeBatch] = [status >= 500, status === 500];
    const asked = waitMs === undefined ? {} : { waitMs };
    return { do: 'pause', why: `HTTP ${status}`, isAboutWay, isMaybeBatch, ...asked };
  }
  if (status >= 400) return refusal(status, body);
  return { do: 'pause', why: `HTTP ${status}: no collector there`, isAboutWay: true };
}

function refusal(status: number, body: string): Verdict {
  const error = pushErrorSchema.safeParse(parseJson(body));
  if (!error.success) {
    // 401, 403, 404, … without our error body: a proxy, or a wrong URL, and the same for every batch.
    const why = `HTTP ${status} without an error of a collector`;
    return status === 400 || status === 422 ? { do: 'defer', why } : { do: 'pause', why, isAboutWay: true };
  }
  const { err, description } = error.data;
  const why = `${err}: ${description}`;
  if (err === 'access_denied') return { do: 'pause', why, isAboutHost: true };
  if (err === 'invalid_key') return { do: 'pause', why, isAboutHost: true, isAboutKey: true };
  if (!FINAL.has(err) || status !== 400) return { do: 'defer', why };
  return { do: 'reject', why, ...(err === 'invalid_request' ? { isMaybeDate: true } : {}) };
}
