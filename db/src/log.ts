/** Where this package reports what an operator should know; a pino logger fits as it is. */
export interface Log {
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
}

/** A log that keeps nothing. */
export const silentLog: Log = { info: () => {}, warn: () => {} };
