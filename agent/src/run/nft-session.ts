import { type InteractiveNft, startInteractiveNft } from './interactive-nft.ts';
import { type Command, type Outcome, type Runner, runNoting } from './runner.ts';

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

/** How long it is left alone when it would not stay, ms. */
const RETRY_MS = 60_000;

/** How long a process that ended is still known as one's own, ms: the kernel's news of it may come later. */
const KNOWN_MS = 10_000;

/** A session with nft. Nothing is started before there is something to do. */
export function createNftSession({ prefix = [], log }: SessionOptions): NftSession {
  const pids = new Map<number, number>();
  let [staying, retryAtMs, isClosed]: [InteractiveNft | undefined, number, boolean] = [undefined, 0, false];
  /** Ends that are under way. */
  const ending = new Set<Promise<void>>();

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
  const retire = (nft: InteractiveNft): void => {
    const end = nft.end().finally(() => {
      ended(nft.pid);
      ending.delete(end);
    });
    ending.add(end);
  };
  const giveUp = (nft: InteractiveNft, error: Error): void => {
    if (staying !== nft) return;
    // Who lived long and died is started again at once; who never answered is no nft that can stay.
    if (nft.lines < 2) retryAtMs = performance.now() + RETRY_MS;
    staying = undefined;
    retire(nft);
    log(`${error.message}: its change is made by another nft`);
  };
  /** The one that stays, once it has answered; undefined while there is none. */
  let isReady = false;
  const begin = (): void => {
    if (isClosed || performance.now() < retryAtMs) return;
    const nft = startInteractiveNft(argvOf(['nft', '-i']));
    note(nft.pid);
    [staying, isReady] = [nft, false];
    nft.write('').then(
      () => {
        if (staying === nft) isReady = true;
      },
      (error: Error) => giveUp(nft, error),
    );
  };

  return {
    prefix,
    run,
    async write(lines) {
      const asCommand = () => run({ argv: ['nft', '-f', '-'], stdin: `${lines.join('\n')}\n` });
      if (staying === undefined) begin();
      const nft = staying;
      const line = lines.join('; ');
      if (nft === undefined || !isReady || line.length > MOST_LINE || line.includes('\n')) return asCommand();
      if (nft.lines >= MOST_LINES) {
        staying = undefined;
        begin();
      }
      const outcome = await nft.write(line).catch((error: Error) => error);
      if (staying !== nft) retire(nft);
      if (!(outcome instanceof Error)) return outcome;
      giveUp(nft, outcome);
      return asCommand();
    },
    isOwn: (pid) => (pids.get(pid) ?? 0) > performance.now(),
    async close() {
      isClosed = true;
      const last = staying;
      staying = undefined;
      if (last !== undefined) retire(last);
      await Promise.all(ending);
    },
  };
}
