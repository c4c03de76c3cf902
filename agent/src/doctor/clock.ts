import { spanWords } from '../cli/words/time.ts';
import { type Finding, findings } from './finding.ts';

const { ok, note, wrong } = findings('clock');

/** An offset below is the noise of whole seconds and the way, ms. */
const NOISE_MS = 2_000;

/** From this offset on the times in logs and mails lead people astray, ms. */
const WRONG_MS = 60_000;

/** The collector's clock minus this host's, and who says so. */
export interface ClockOffset {
  readonly offsetMs: number;
  /** Whether the collector signed it; else it is its `Date` header, which anybody on the way can change. */
  readonly isSigned: boolean;
}

/** What a `Date` header (RFC 9110 section 6.6.1, whole seconds) says, between the moments of request and reply. */
export function offsetOf(date: string | undefined, sentMs: number, receivedMs: number): number | undefined {
  const atMs = Date.parse(date ?? '');
  return Number.isNaN(atMs) ? undefined : Math.round(atMs + 500 - (sentMs + receivedMs) / 2);
}

/** How the host's clock is. */
export function clockFinding(offset: ClockOffset | undefined): Finding {
  if (offset === undefined) return note('nobody is known to compare the clock with');
  const { offsetMs, isSigned } = offset;
  const source = isSigned
    ? 'the collector, by its signed answer'
    : 'the collector, by its unsigned Date header';
  if (Math.abs(offsetMs) <= NOISE_MS) return ok(`the clock agrees with ${source}`);
  // A header of whole seconds would make two hours 1 h 59 m.
  const stepMs = Math.abs(offsetMs) < WRONG_MS ? 1_000 : 10_000;
  const span = spanWords(Math.round(Math.abs(offsetMs) / stepMs) * stepMs);
  const what = `the clock is ${span} ${offsetMs > 0 ? 'behind' : 'ahead of'} ${source}`;
  const todo = 'set it: timedatectl set-ntp true, or the time daemon of this system';
  return Math.abs(offsetMs) < WRONG_MS
    ? note(what, todo)
    : wrong(`${what}; the agent reckons with it, but its logs and history have wrong times`, todo);
}
