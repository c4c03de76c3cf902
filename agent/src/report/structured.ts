import { setTimeout as sleep } from 'node:timers/promises';
import type { Command, Runner } from '../run/runner.ts';
import { eventWords } from './event-words.ts';
import type { HostEvent } from './events.ts';
import { type Log, printable } from './log.ts';

/** How structured lines are written. */
export type StructuredForm = 'rfc5424' | 'journald';

/**
 * Name of our structured data (RFC 5424 section 6.3.2). 32473 is the number that RFC 5612 keeps for documentation: Picket
 * has no enterprise number of its own.
 */
const SD_ID = 'picket@32473';

/** Longest message, bytes: what every receiver should take (RFC 5424 section 6.1). */
const MAX_BYTES = 2_048;

/** Most events that wait to be written. */
const MAX_WAITING = 1_000;

/** Time for what waits at the end, ms. */
const CLOSE_MS = 1_000;

/**
 * The command that writes one event. util-linux's `logger` takes structured data and journal fields for one message a
 * process only; the budget of lines keeps that at five a second in the long run.
 */
export function eventCommand(form: StructuredForm, event: HostEvent, pid: number): Command {
  return form === 'journald' ? journalCommand(event, pid) : syslogCommand(event, pid);
}

const severityOf = ({ event }: HostEvent): { name: string; number: number } =>
  event === 'lost' ? { name: 'warning', number: 4 } : { name: 'notice', number: 5 };

/** RFC 5424: kind and source as structured data, the whole event as JSON. */
function syslogCommand(event: HostEvent, pid: number): Command {
  const { event: kind, source } = event;
  const params = Object.entries({ event: kind, source }).flatMap(([name, value]) =>
    value === undefined ? [] : ['--sd-param', `${name}="${escaped(value)}"`],
  );
  const head = ['--rfc5424', '--size', `${MAX_BYTES}`, `--id=${pid}`, '-t', 'picket'];
  const kindOf = ['-p', `daemon.${severityOf(event).name}`, '--msgid', kind, '--sd-id', SD_ID];
  return { argv: ['logger', ...head, ...kindOf, ...params, '--', JSON.stringify(event)] };
}

/** RFC 5424 section 6.3.3. */
const escaped = (text: string): string => text.replace(/["\\\]]/g, '\\$&');

/** Fields of the journal: `localAddress` is `PICKET_LOCAL_ADDRESS`. */
function journalCommand(event: HostEvent, pid: number): Command {
  const fields = Object.entries(event).flatMap(([name, value]) =>
    value === undefined
      ? []
      : [[`PICKET_${name.replace(/[A-Z]/g, (c) => `_${c}`).toUpperCase()}`, String(value)]],
  );
  const head = [
    ['MESSAGE', eventWords(event)],
    ['PRIORITY', `${severityOf(event).number}`],
    ['SYSLOG_IDENTIFIER', 'picket'],
    ['SYSLOG_FACILITY', '3'],
    ['SYSLOG_PID', `${pid}`],
  ];
  // One field a line: nothing in a value may end it.
  const lines = [...head, ...fields].map(([name, value = '']) => `${name}=${printable(value)}\n`);
  return { argv: ['logger', '--journald'], stdin: lines.join('') };
}

/** What a writer works with. */
export interface WriterOptions {
  readonly form: StructuredForm;
  readonly run: Runner;
  readonly pid: number;
  readonly log: Log;
}

/** Writes events one after the other. */
export interface EventWriter {
  /** Never throws, never waits. */
  write(event: HostEvent): void;
  /** Writes what waits, within a second. */
  close(): Promise<void>;
}

/** Opens the structured lines. */
export function openEventWriter({ form, run, pid, log }: WriterOptions): EventWriter {
  const waiting: HostEvent[] = [];
  let [lost, isFailing, isClosed] = [0, false, false];
  let working: Promise<void> | undefined;
  const failed = (why: unknown): void => {
    lost++;
    if (!isFailing) log.warn('structured lines cannot be written', { form, why });
    isFailing = true;
  };
  const writeOne = async (event: HostEvent): Promise<void> => {
    const outcome = await run(eventCommand(form, event, pid)).catch((error: Error) => error);
    if (outcome instanceof Error) return failed(outcome.message);
    if (outcome.status !== 0) return failed(outcome.stderr.trim().slice(0, 200));
    isFailing = false;
  };
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined && !isClosed; next = waiting.shift()) {
      await writeOne(next);
      if (lost === 0 || isFailing) continue;
      waiting.unshift({
        atMs: next.atMs,
        event: 'lost',
        why: 'the system log did not take them',
        count: lost,
      });
      lost = 0;
    }
    working = undefined;
  };
  return {
    write(event) {
      if (waiting.length >= MAX_WAITING) lost++;
      else waiting.push(event);
      working ??= work();
    },
    async close() {
      // A command may hang for its whole time limit: it is not waited for.
      const timer = new AbortController();
      const late = sleep(CLOSE_MS, undefined, { signal: timer.signal }).catch(() => {});
      await Promise.race([working, late]);
      isClosed = true;
      timer.abort();
    },
  };
}
