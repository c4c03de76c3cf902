import { pushErrorSchema } from '@picket/protocol';
import { printable } from '../report/log.ts';
import type { HttpReply } from './http.ts';
import { parseJson } from './state-file.ts';

/** Why an enrolment failed, for programs. */
export type EnrolFailureCode =
  | 'join_key'
  | 'plain_http'
  | 'unreachable'
  | 'not_a_collector'
  | 'wrong_key'
  | 'refused'
  | 'busy'
  | 'wire_version'
  | 'bad_reply';

/** Why an enrolment failed; the message is for people. */
export type EnrolFailure = { ok: false; code: EnrolFailureCode; message: string };

/** Failures of the way to the collector; the others are its word. */
export const MAY_WORK_ELSEWHERE: ReadonlySet<EnrolFailureCode> = new Set([
  'unreachable',
  'not_a_collector',
  'wrong_key',
  'busy',
  'bad_reply',
]);

/** Builds a failure. */
export function failure(code: EnrolFailureCode, message: string): EnrolFailure {
  return { ok: false, code, message };
}

/** Turns a refusal into words and the next step for a person. @param what the collector was asked to do */
export function explainRefusal(
  url: string,
  { status, headers, body }: HttpReply,
  what = 'enrol this host',
): EnrolFailure {
  if (status === 426) {
    return failure(
      'wire_version',
      `The collector at ${url} is newer than this agent: install its agent file.`,
    );
  }
  if (status === 429 || status >= 500) {
    const wait = headers['retry-after'];
    const when = wait !== undefined && /^\d{1,6}$/.test(wait) ? `in ${wait} s` : 'in a minute';
    return failure('busy', `The collector at ${url} cannot answer now (HTTP ${status}): try again ${when}.`);
  }
  const error = pushErrorSchema.safeParse(parseJson(body));
  if (!error.success) {
    const message = `${url} refuses enrolments (HTTP ${status}), and not as a Picket collector: check the URL.`;
    return failure('not_a_collector', message);
  }
  const why = printable(error.data.description).replace(/\.$/, '') || error.data.err;
  return failure('refused', `The collector refuses to ${what}: ${why}.${nextStep(why)}`);
}

function nextStep(why: string): string {
  if (/join (?:key|token)/i.test(why)) return ' Make a new join key with `picket join-key NETWORK`.';
  if (/withdrawn from its network|former key/.test(why))
    return ' To join as a new host with a key of its own: `picket-agent enroll --new-identity`.';
  return '';
}
