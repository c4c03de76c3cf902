import { type Command, type Outcome, RunError, type Runner } from '../run/runner.ts';
import type { Step } from './entries.ts';
import { FirewallError } from './firewall.ts';

/** Longest piece of a command, and of its words, in a message, characters. */
const MOST_ARGV = 120;
const MOST_WORDS = 500;

/**
 * Carries out steps in their order.
 *
 * @throws FirewallError with the command's own words at the first that fails, but for failures that are none
 */
export async function runSteps(run: Runner, steps: readonly Step[]): Promise<void> {
  for (const { command, unless, fine, isJudgedByWords } of steps) {
    if (unless !== undefined && (await runOne(run, unless)).status === 0) continue;
    const outcome = await runOne(run, command);
    const isRefused = outcome.status !== 0 || (isJudgedByWords === true && outcome.stderr.trim() !== '');
    if (!isRefused || fine?.test(saidBy(outcome))) continue;
    throw new FirewallError(`${nameOf(command)}: ${wordsOf(outcome)}`);
  }
}

/** What the commands answer, or in `words` why one of them does not. */
export async function answersOf(
  run: Runner,
  commands: readonly Command[],
): Promise<{ outputs: string[] } | { words: string }> {
  const outputs: string[] = [];
  for (const command of commands) {
    const outcome = await runOne(run, command);
    if (outcome.status !== 0) return { words: `${nameOf(command)}: ${wordsOf(outcome)}` };
    outputs.push(outcome.stdout);
  }
  return { outputs };
}

async function runOne(run: Runner, command: Command): Promise<Outcome> {
  try {
    return await run(command);
  } catch (cause) {
    if (!(cause instanceof RunError)) throw cause;
    throw new FirewallError(cause.message, { cause });
  }
}

function nameOf({ argv }: Command): string {
  const text = argv.join(' ');
  return text.length > MOST_ARGV ? `${text.slice(0, MOST_ARGV)}…` : text;
}

function wordsOf(outcome: Outcome): string {
  return saidBy(outcome).slice(0, MOST_WORDS) || `exit status ${outcome.status}`;
}

function saidBy({ stdout, stderr }: Outcome): string {
  return stderr.trim() || stdout.trim();
}
