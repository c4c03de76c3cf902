import { startInteractiveNft } from './interactive-nft.ts';
import { type Command, type Outcome, type Runner, runNoting } from './runner.ts';
import { keepStaying } from './staying-child.ts';

/** How nft is run: small changes by one that stays, everything else by a process each. */
export interface NftSession {
  /** What comes before each command; see {@link SessionOptions}. */
  readonly prefix: readonly string[];
  /** Runs a command of its own. */
  readonly run: Runner;
  /** Carries statements out in one transaction, whole or not at all. They must bear being carried out twice. */
  write(lines: readonly string[]): Promise<Outcome>;
  /** Whether a process is one of this session's, or was a moment ago. */
  isOwn(pid: number): boolean;
  /** Ends the one that stays. */
  close(): Promise<void>;
}

/** What a session is made of. */
export interface SessionOptions {
  /** What comes before each command, such as `ip netns exec NAME`; nothing on a real host. */
  readonly prefix?: readonly string[];
  readonly log: (message: string) => void;
}

/** Longest line for the one that stays, characters: it reads them one by one, and long ones are rare. */
const MOST_LINE = 4_096;

/** Lines after which it is replaced: it keeps a history, 2 MB by then (450 bytes a line, measured with nft 1.0.6). */
const MOST_LINES = 5_000;

/** How long a process that ended is still known as one's own, ms: the kernel's news of it may come later. */
const KNOWN_MS = 10_000;

/** A session with nft. Nothing is started before there is something to do. */
export function createNftSession({ prefix = [], log }: SessionOptions): NftSession {
  const pids = new Map<number, number>();
  const argvOf = (argv: readonly string[]): [string, ...string[]] =>
    [...prefix, ...argv] as [string, ...string[]];
  const note = (pid: number | undefined): void => {
    if (pid !== undefined) pids.set(pid, Number.POSITIVE_INFINITY);
  };
  const ended = (pid: number | undefined): void => {
    const nowMs = performance.now();
    for (const [known, untilMs] of pids) if (untilMs < nowMs) pids.delete(known);
    if (pid !== undefined) pids.set(pid, nowMs + KNOWN_MS);
  };
  const run: Runner = async ({ argv, ...rest }) => {
    let pid: number | undefined;
    const command: Command = { argv: argvOf(argv), ...rest };
    return runNoting(command, (started) => {
      pid = started;
      note(pid);
    }).finally(() => ended(pid));
  };
  const staying = keepStaying({
    ...{ program: 'nft', mostLines: MOST_LINES, log },
    start: () => startInteractiveNft(argvOf(['nft', '-i'])),
    onStart: note,
    onEnd: ended,
  });

  return {
    prefix,
    run,
    async write(lines) {
      const line = lines.join('; ');
      const isForOne = line.length <= MOST_LINE && !line.includes('\n');
      if (!isForOne) staying.begin();
      const outcome = isForOne ? await staying.write(line) : undefined;
      return outcome ?? run({ argv: ['nft', '-f', '-'], stdin: `${lines.join('\n')}\n` });
    },
    isOwn: (pid) => (pids.get(pid) ?? 0) > performance.now(),
    close: staying.close,
  };
}
