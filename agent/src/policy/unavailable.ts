/** A policy that asks for what this host does not have. The message names the setting and what is missing. */
export class UnavailableError extends Error {
  readonly code = 'unavailable';
  override readonly name = 'UnavailableError';
}
