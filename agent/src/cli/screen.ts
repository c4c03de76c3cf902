import { setTimeout as sleep } from 'node:timers/promises';

/** Time between two pictures, ms. */
const EVERY_MS = 1_000;

/** Size of a terminal that does not tell, and of a file. */
const PLAIN = { columns: 120, rows: 40 };

/* ECMA-48 and xterm's control sequences: alternate screen, cursor, erasing. */
const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[H';
const TO_LINE_END = '\x1b[K';
const TO_SCREEN_END = '\x1b[J';

/** Makes the lines of one picture. */
export type Picture = (size: { columns: number; rows: number }) => Promise<string[]>;

/**
 * Shows a picture every second until Ctrl-C or a closed pipe: in place on a terminal, which gets back what was on it, and
 * else one below the other.
 *
 * @returns the exit status
 */
export async function watchScreen(picture: Picture): Promise<number> {
  const { stdout } = process;
  const ended = new AbortController();
  const end = (): void => ended.abort();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, end);
  stdout.on('error', end);
  const restore = (): void => void (stdout.isTTY && stdout.write(LEAVE));
  process.once('exit', restore);
  if (stdout.isTTY) stdout.write(ENTER);
  while (!ended.signal.aborted) {
    const { columns, rows } = stdout.isTTY ? stdout : PLAIN;
    const lines = await picture({ columns, rows: Math.max(1, rows - 1) });
    if (!ended.signal.aborted) stdout.write(stdout.isTTY ? inPlace(lines) : `${lines.join('\n')}\n\n`);
    await sleep(EVERY_MS, undefined, { signal: ended.signal }).catch(() => {});
  }
  process.removeListener('exit', restore);
  restore();
  return 0;
}

/** One write, so that a terminal shows no half picture. */
function inPlace(lines: readonly string[]): string {
  return `${HOME}${lines.map((line) => `${line}${TO_LINE_END}\r\n`).join('')}${TO_SCREEN_END}`;
}
