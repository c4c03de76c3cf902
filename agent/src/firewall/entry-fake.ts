import type { Command, Outcome } from '../run/runner.ts';

/** Answers of a program: the words it fails with, or what it prints. */
export type Answer = Partial<Outcome>;

/** Programs that answer as told and remember what they were asked, as one line a command and its input. */
export function fakePrograms(
  answer: (line: string, command: Command) => Answer | undefined = () => undefined,
) {
  const asked: string[] = [];
  const run = async (command: Command): Promise<Outcome> => {
    const line = [command.argv.join(' '), ...(command.stdin?.trim().split('\n') ?? [])].join('\n');
    asked.push(line);
    const { status = 0, stdout = '', stderr = '' } = answer(line, command) ?? {};
    return { status: stderr === '' ? status : status || 1, stdout, stderr };
  };
  return { asked, run };
}

/** Steps as lines: each command, and its input below it. */
export function linesOf(steps: readonly { command: Command }[]): string[] {
  return steps.map(({ command: { argv, stdin } }) =>
    [argv.join(' '), ...(stdin?.trim().split('\n') ?? [])].join('\n'),
  );
}
