import { type MarkedProgram, startMarkedChild } from './marked-child.ts';
import type { Command, Runner } from './runner.ts';
import { keepStaying } from './staying-child.ts';

/** A program that stays and carries out the small changes of a command, each in a fraction of what a process takes. */
export interface StandIn extends MarkedProgram {
  /** The command, which reads the same lines from its standard input. */
  readonly of: Command['argv'];
  /** Lines that may be carried out one by one, whatever becomes of those before, and that nothing is quoted in. */
  readonly takes: RegExp;
  /** Lines after which it is replaced. */
  readonly mostLines: number;
}

/** What a runner with a program that stays is made of. */
export interface StayingRunnerOptions {
  /** Runs everything else, and what the program that stays did not answer for. */
  readonly run: Runner;
  /** What comes before the program, such as `ip netns exec NAME`; nothing on a real host. */
  readonly prefix?: readonly string[];
  readonly log: (message: string) => void;
}

/** A runner that has a process running. */
export interface StayingRunner {
  readonly run: Runner;
  /** Ends the program that stays; its command is run by processes of its own from then on. */
  close(): Promise<void>;
}

/** Lines from which on a process of its own is no slower (ipset 7.17 and iproute2 6.1: some hundreds). */
const MOST_AT_ONCE = 200;

/**
 * A runner that has small changes made by a program that stays. It is started with the first command that it stands in
 * for; while it is not there, or when it died or hung, the command runs as it is.
 */
export function createStayingRunner(standIn: StandIn, options: StayingRunnerOptions): StayingRunner {
  const { run, prefix = [], log } = options;
  const argv = [...prefix, ...standIn.argv] as [string, ...string[]];
  const staying = keepStaying({
    ...{ program: standIn.of[0], mostLines: standIn.mostLines, log },
    start: () => startMarkedChild({ ...standIn, argv }),
  });
  return {
    async run(command) {
      if (command.argv.join(' ') !== standIn.of.join(' ')) return run(command);
      staying.begin();
      const text = textFor(standIn, command);
      return (text === undefined ? undefined : await staying.write(text)) ?? run(command);
    },
    close: staying.close,
  };
}

/** The lines of a command, when they are for a program that stays. */
function textFor({ takes }: StandIn, { stdin = '' }: Command): string | undefined {
  const lines = stdin.trimEnd().split('\n');
  return lines.length <= MOST_AT_ONCE && lines.every((line) => takes.test(line))
    ? lines.join('\n')
    : undefined;
}
