import type { Policy } from '../policy/policy.ts';
import type { CaptureSystem } from './capture-system.ts';

/**
 * Interfaces to capture: those that the policy names, else all at once where the system can, else each that is up. To
 * leave some out, the others are captured one by one: only so every system tells where a packet came in.
 *
 * @param up interfaces that are up, without loopback
 */
export function captureInterfaces(
  { watch, capture }: Pick<Policy, 'watch' | 'capture'>,
  { anyInterface }: Pick<CaptureSystem, 'anyInterface'>,
  up: readonly string[],
): readonly string[] {
  const { ignore_interfaces: ignored } = watch;
  const isPlain = ignored.length === 0 && capture.interfaces.length === 0;
  if (isPlain && anyInterface !== undefined) return [anyInterface];
  const named = capture.interfaces.length > 0 ? capture.interfaces : up;
  return named.filter((name) => !ignored.includes(name));
}
