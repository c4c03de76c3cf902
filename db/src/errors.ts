/**
 * What can be wrong with the database before any query is asked.
 *
 * - `server_too_old`: the server is older than {@link OLDEST_MAJOR}
 * - `too_few_locks`: its table of locks has no room for the days of the retention
 * - `no_binaries`: no PostgreSQL on this machine that could run the private database
 * - `no_account`: started as root, and there is no unprivileged user to run the server as
 * - `folder_closed`: the server's user cannot reach the data folder, or we may not use it
 * - `path_too_long`: no folder short enough for the Unix socket
 * - `init_failed`, `start_failed`, `stop_failed`: the program's own words are in the message
 */
export type DatabaseErrorCode =
  | 'server_too_old'
  | 'too_few_locks'
  | 'no_binaries'
  | 'no_account'
  | 'folder_closed'
  | 'path_too_long'
  | 'init_failed'
  | 'start_failed'
  | 'stop_failed';

/** The database cannot be used; the message says what a person can do. */
export class DatabaseError extends Error {
  readonly code: DatabaseErrorCode;

  constructor(code: DatabaseErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'DatabaseError';
    this.code = code;
  }
}
