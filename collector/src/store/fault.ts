import postgres from 'postgres';

/**
 * Errors of PostgreSQL and of postgres.js that pass by themselves: the connection, the server starting or stopping, a
 * deadlock, a serialisation failure, too many clients, a timeout (PostgreSQL manual, appendix A).
 */
const PASSING = /^(CONNECT|ECONN|EPIPE|ETIMEDOUT|ENOENT|EAI_AGAIN|08|40|53|55P03|57)/;

/** Codes of postgres.js and of Node's sockets and names for a connection that does not come about or breaks. */
const CONNECTION =
  /^(CONNECT|ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|ENOENT|EACCES|ENOTFOUND|EAI_|ERR_SSL|ERR_TLS|CERT_|SASL_|AUTH_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO)/;

/** The server or the way to it is gone or full, or too slow: no statement would go through now. */
const OUTAGE = /^(CONNECT|ECONN|EPIPE|ETIMEDOUT|ENOENT|EAI_AGAIN|08|53|57)/;

/** Whether the database serves nobody at the moment, whatever is asked. */
export function isOutage(error: unknown): boolean {
  return OUTAGE.test(codeOf(error));
}

/** Whether somebody else held what was to be written for longer than was waited (`lock_timeout`). */
export function isLocked(error: unknown): boolean {
  return codeOf(error) === '55P03';
}

/** Whether the same request may well succeed later. */
export function isPassing(error: unknown): boolean {
  return PASSING.test(codeOf(error));
}

/** Whether PostgreSQL refused a value as such (class 22): it will always. */
export function isUnstorable(error: unknown): boolean {
  return codeOf(error).startsWith('22');
}

/** The first line of what PostgreSQL or the way to it says is wrong; undefined for an error of another kind. */
export function databaseFault(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const isFault = error instanceof postgres.PostgresError || CONNECTION.test(codeOf(error));
  if (!isFault) return undefined;
  // Of a name with several addresses each try failed; together they have no message.
  const first = error instanceof AggregateError && error.message === '' ? error.errors[0] : error;
  const message = first instanceof Error ? first.message.split('\n')[0] : '';
  return message || codeOf(error);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
