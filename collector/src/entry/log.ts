import { type Logger, pino } from 'pino';
import type { Config } from './config.ts';

/** One JSON object a line on standard error; times as Unix ms. Written at once: what is lost at a crash is what matters. */
export function createLog(level: Config['logLevel']): Logger {
  const options = { level, base: null };
  return pino(options, pino.destination({ fd: 2, sync: true }));
}
