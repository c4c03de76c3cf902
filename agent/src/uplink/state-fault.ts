import { codeOf } from './errors.ts';

/** A file or folder of the state that cannot be used. `code` is the system's own, as `EACCES`. */
export class StateError extends Error {
  readonly code: string;
  override readonly name = 'StateError';
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What to do about what a system says of a path (errno(3)). */
const ADVICE: Readonly<Record<string, string>> = {
  EISDIR: 'there is a folder in its place; move it away',
  ENOTDIR: 'one of its parent folders is a file; move that away, or set another state_dir',
  EEXIST: 'there is a file in its place; move it away, or set another state_dir',
  EACCES: 'this user has no right to it; it belongs to the user that the agent runs as',
  EPERM: 'this user has no right to it; it belongs to the user that the agent runs as',
  EROFS:
    'it is read-only here; for the service another state_dir takes ReadWritePaths= (systemctl edit picket-agent)',
  ENOSPC: 'the disk is full',
  ELOOP: 'its symbolic links go round in a circle',
  ENAMETOOLONG: 'its path is too long for this system; set another state_dir',
};

/** Names the path in what went wrong, and says what to do. Other errors stay as they are. */
export function stateFault(path: string, cause: unknown): unknown {
  const code = codeOf(cause);
  if (code === undefined || cause instanceof StateError) return cause;
  return new StateError(code, `${path}: ${ADVICE[code] ?? 'it cannot be used'} (${code})`, { cause });
}
