/** What can be wrong with the machine under the uplink. */
export type UplinkErrorCode =
  | 'ERR_IDENTITY_EXPOSED'
  | 'ERR_IDENTITY_DAMAGED'
  | 'ERR_ENROLMENT_DAMAGED'
  | 'ERR_PLAIN_HTTP'
  | 'ERR_CA_FILE'
  | 'ERR_SPOOL';

/** A fault of the machine or its files; the message says what a person can do. */
export class UplinkError extends Error {
  override readonly name = 'UplinkError';
  readonly code: UplinkErrorCode;

  constructor(code: UplinkErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The `code` of a system error (`ENOENT`, `ENOSPC`, …), or undefined. */
export function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : undefined;
}
