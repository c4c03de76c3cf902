import { userInfo } from 'node:os';
import { type Asked, askAgent, type Question } from '../control/client.ts';
import { controlPath } from '../control/socket.ts';
import type { Policy } from '../policy/policy.ts';

/** Asks the agent of this policy's state folder. */
export function ask<T>({ state_dir }: Policy, question: Omit<Question<T>, 'path'>): Promise<Asked<T>> {
  return askAgent({ path: controlPath(state_dir), ...question });
}

/** Who asks: behind sudo the person, not root. */
export function asker(env: Readonly<Record<string, string | undefined>>): string {
  return (env.SUDO_USER || userInfo().username).slice(0, 64);
}

/** Says why there is no answer. @returns the exit status */
export function complain({ why }: { readonly why: string }): number {
  process.stderr.write(`picket-agent: ${why}\n`);
  return 1;
}

/** Prints lines. @returns the exit status */
export function print(...lines: readonly string[]): number {
  process.stdout.write(`${lines.join('\n')}\n`);
  return 0;
}
