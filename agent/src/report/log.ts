/** How much a message matters, from least to most. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];

/** What belongs to a message beside its words; errors are written with their code and message. */
export type LogFields = Readonly<Record<string, unknown>>;

/** The agent's own log: one line a message. PortSentry's lines go to the system log instead. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** The same log with the fields added to every message. */
  with(fields: LogFields): Log;
}

/** Where a log goes and how. */
export interface LogOptions {
  /** Messages below this level are left out. */
  readonly level: LogLevel;
  /** True: one JSON object a line instead of words. */
  readonly json: boolean;
  /** Takes one line without its line end. */
  readonly write: (line: string) => void;
  /** Wall clock, Unix ms. */
  readonly nowMs?: () => number;
}

/** Longest value of a field in a line, characters: what strangers can write must not fill the disk. */
const MAX_VALUE_LENGTH = 2000;

/** A log that writes lines to the given sink. */
export function createLog(options: LogOptions, bound: LogFields = {}): Log {
  const { level: least, json, write, nowMs = Date.now } = options;
  const floor = LOG_LEVELS.indexOf(least);
  const say = (level: LogLevel) => (message: string, fields?: LogFields) => {
    if (LOG_LEVELS.indexOf(level) < floor) return;
    const entry = { time: new Date(nowMs()).toISOString(), level, message, fields: { ...bound, ...fields } };
    write(json ? asJson(entry) : asText(entry));
  };
  return {
    debug: say('debug'),
    info: say('info'),
    warn: say('warn'),
    error: say('error'),
    with: (fields) => createLog(options, { ...bound, ...fields }),
  };
}

/** A log that writes to standard error, which a service manager keeps. */
export function stderrLog(level: LogLevel, json = false): Log {
  return createLog({ level, json, write: (line) => process.stderr.write(`${line}\n`) });
}

/** A log that keeps nothing. */
export const SILENT_LOG: Log = createLog({ level: 'error', json: false, write: () => {} });

/** Text without control characters, which could forge a line or steer a terminal: they become `\xNN` or `\u{N}`. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (c) => {
    const code = c.codePointAt(0) ?? 0;
    return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
}

interface Entry {
  readonly time: string;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

function asText({ time, level, message, fields }: Entry): string {
  const tail = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}=${quoted(words(value))}`);
  return `${time} ${level} ${printable(message)}${tail.join('')}`;
}

function asJson({ time, level, message, fields }: Entry): string {
  const plain = Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key,
      typeof value === 'number' || typeof value === 'boolean' ? value : words(value),
    ]),
  );
  return JSON.stringify({ time, level, message, ...plain });
}

function words(value: unknown): string {
  const text =
    value instanceof Error ? errorWords(value) : typeof value === 'string' ? value : JSON.stringify(value);
  return (text ?? 'undefined').slice(0, MAX_VALUE_LENGTH);
}

function errorWords(error: Error & { code?: unknown }): string {
  const isNamed = typeof error.code !== 'string' || error.message.startsWith(error.code);
  const code = isNamed ? '' : `${error.code}: `;
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : '';
  return `${code}${error.message}${cause}`;
}

function quoted(text: string): string {
  const clean = printable(text);
  return /^[^\s"=]+$/.test(clean) ? clean : `"${clean.replaceAll('"', '\\"')}"`;
}
