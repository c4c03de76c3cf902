/** Signals by which a person or a supervisor ends a process, with their numbers (signal(7)). */
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

const pending = new Set<() => void>();

/**
 * Has something done when the process exits, by itself, by an error or by a signal. It must be synchronous.
 *
 * @returns takes the order back
 */
export function atExit(action: () => void): () => void {
  if (pending.size === 0) listen();
  pending.add(action);
  return () => {
    pending.delete(action);
    if (pending.size === 0) ignore();
  };
}

function runAll(): void {
  for (const action of pending) action();
  pending.clear();
}

/** Ends the process as the signal would have: with 128 + its number, as shells tell it. */
function onSignal(signal: keyof typeof SIGNALS): void {
  process.exit(128 + SIGNALS[signal]);
}

function listen(): void {
  process.on('exit', runAll);
  for (const signal of Object.keys(SIGNALS)) process.on(signal, onSignal);
}

function ignore(): void {
  process.off('exit', runAll);
  for (const signal of Object.keys(SIGNALS)) process.off(signal, onSignal);
}
