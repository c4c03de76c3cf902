import { runPicket } from '../entry/program.ts';

/** What a command came to and wrote. */
export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command as the program does, with what it writes kept. */
export async function runCommand(
  env: Record<string, string | undefined>,
  ...args: string[]
): Promise<Outcome> {
  const said = { stdout: '', stderr: '' };
  const status = await runPicket(args, {
    env,
    print: (text) => {
      said.stdout += `${text}\n`;
    },
    complain: (text) => {
      said.stderr += `${text}\n`;
    },
  });
  return { status, ...said };
}
