/**
 * Errors of PostgreSQL and of postgres.js that pass by themselves: the connection, the server starting or stopping, a
 * deadlock, a serialisation failure, too many clients, a timeout (PostgreSQL manual, appendix A).
 */
const PASSING = /^(CONNECT|ECONN|EPIPE|ETIMEDOUT|ENOENT|EAI_AGAIN|08|40|53|55P03|57)/;

/** Whether the same request may well succeed later. */
export function isPassing(error: unknown): boolean {
  return PASSING.test(codeOf(error));
}

/** Whether PostgreSQL refused a value as such (class 22): it will always. */
export function isUnstorable(error: unknown): boolean {
  return codeOf(error).startsWith('22');
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
