import { setTimeout as sleep } from 'node:timers/promises';
import type { Source } from '@picket/protocol';
import { createLane } from '../blocks/lane.ts';
import type { Probe } from '../detect/probe.ts';
import type { LocalBlock } from '../firewall/firewall.ts';
import { fillTemplate, type TokenValues } from '../policy/command-template.ts';
import type { Policy } from '../policy/policy.ts';
import type { Log } from '../report/log.ts';
import type { Command, Outcome, Runner } from '../run/runner.ts';
import { formatLedger, MOST_REMEMBERED, parseLedger } from './ledger.ts';
import type { Responder } from './responder.ts';
import { tokenValues } from './values.ts';
import { createWorkQueue, type QueueLimits } from './work-queue.ts';

/**
 * Four at once, so that slow commands do not take the machine from those that it is there for; a scan by hundreds of
 * hosts finds room, a flood of forged ones does not.
 */
const LIMITS: QueueLimits = { atOnce: 4, waiting: 256 };

/** Most kept of what a command says, characters. */
export const MOST_OUTPUT = 2_000;

/** Longest wait for commands that run when the agent ends, ms; what is not done by then goes on alone. */
const CLOSE_LIMIT_MS = 5_000;

/** A command of the administrator that ended well. */
export interface CommandRun {
  readonly source: Source;
  readonly address: string;
  /** As one would type it. */
  readonly command: string;
}

/** The parts that reach outside, and what the policy says. */
export interface CommandDeps {
  readonly settings: Policy['command'];
  /** Whether the engine binds its ports, as `connect` does: PortSentry had other words for its modes then. */
  readonly binds: boolean;
  /** Runs with the policy's time limit, and ends the whole process group (`createRunner`). */
  readonly run: Runner;
  /** Whether blocks are carried out now: in `observe` mode and in a pause no command runs for a new block. */
  readonly enforces: () => boolean;
  readonly load: () => Promise<string | undefined>;
  readonly save: (text: string) => Promise<void>;
  /** Told of each command that ended well. */
  readonly ran: (run: CommandRun) => void;
  readonly log: Log;
  readonly limits?: QueueLimits;
}

/** How often at most it is told that commands were left out, ms. */
const TELL_LEFT_OUT_MS = 60_000;

/** The administrator's own command for each new local block, once, and another one for its end. */
export function createCommandResponder(deps: CommandDeps): Responder {
  const { settings, log } = deps;
  const queue = createWorkQueue(deps.limits ?? LIMITS);
  /** Whose command waits, has run, and whose end waits for a command. */
  const waiting = new Map<Source, TokenValues>();
  let ledger = new Map<Source, TokenValues>();
  const ending = new Map<Source, TokenValues>();
  /** What is to be done of a source before its next command. */
  const last = new Map<Source, Promise<void>>();
  const tellLeftOut = leftOutTeller(log);
  const notSaved = (error: unknown) => log.error('what commands have run could not be saved', { error });
  const book = createLane(() => deps.save(formatLedger(new Map([...ending, ...ledger]))), notSaved);
  const remember = (): Promise<void> => book.settle().catch(notSaved);

  const execute = async (argv: readonly string[], values: TokenValues): Promise<void> => {
    const { source, address } = values;
    try {
      const filled = argv.map((text) => fillTemplate(text, values));
      const outcome = await deps.run(commandOf(filled, settings.shell));
      if (outcome.status === 0) deps.ran({ source, address, command: filled.join(' ') });
      else log.warn('the command of the policy failed', { source, ...failureOf(outcome) });
    } catch (error) {
      log.warn('the command of the policy failed', { source, error });
    }
  };
  /** Puts work behind what runs for its source already; undefined when there is no room. */
  const enqueue = (
    source: Source,
    work: () => Promise<void>,
    mustRun: boolean,
  ): Promise<void> | undefined => {
    const earlier = last.get(source);
    const turn = queue.add(async () => {
      await earlier;
      await work();
    }, mustRun);
    const done = turn?.then(() => {
      if (last.get(source) === done) last.delete(source);
    });
    if (done !== undefined) last.set(source, done);
    return done;
  };
  const begin = (block: LocalBlock, probe: Probe | undefined): Promise<void> | undefined => {
    const { source } = block;
    if (!deps.enforces() || ledger.has(source) || waiting.has(source)) return undefined;
    const values = tokenValues(block, probe, deps.binds);
    const hasRoom = ledger.size + ending.size + waiting.size < MOST_REMEMBERED;
    waiting.set(source, values);
    const run = async (): Promise<void> => {
      if (waiting.get(source) !== values) return; // ended before its turn came
      waiting.delete(source);
      ledger.set(source, values);
      // Written first: after a crash a command is rather missed than run twice.
      await remember();
      await execute(settings.argv, values);
    };
    const done = hasRoom ? enqueue(source, run, false) : undefined;
    if (done !== undefined) return done;
    waiting.delete(source);
    tellLeftOut(1);
    return undefined;
  };
  const ended = (source: Source): void => {
    waiting.delete(source);
    const values = ledger.get(source);
    if (values === undefined) return;
    ledger.delete(source);
    const undo = async (): Promise<void> => {
      if (settings.unblock_argv.length > 0) await execute(settings.unblock_argv, values);
      // Written last: after a crash a command is rather undone twice than never.
      if (ending.get(source) === values) ending.delete(source);
      await remember();
    };
    ending.set(source, values);
    void enqueue(source, undo, true);
  };

  return {
    async open(inForce) {
      const text = await deps.load().catch(notSaved);
      const saved = text === undefined ? new Map<Source, TokenValues>() : parseLedger(text);
      if (saved === undefined) log.warn('what commands have run is damaged, and left out');
      ledger = new Map([...(saved ?? []), ...ledger]);
      for (const source of [...ledger.keys()]) if (!inForce.has(source)) ended(source);
    },
    before(block, probe) {
      if (settings.when !== 'before') return undefined;
      const done = begin(block, probe);
      // What the kernel blocked is in force already; no block waits longer than one command may take.
      return done === undefined || block.decidedBy === 'kernel'
        ? undefined
        : within(settings.time_limit, done);
    },
    after(block, probe) {
      begin(block, probe);
    },
    ended,
    async close() {
      await within(
        CLOSE_LIMIT_MS,
        queue.close().then((left) => tellLeftOut(left)),
      );
      await remember();
    },
  };
}

/** Waits for what is done, but no longer than so. */
async function within(limitMs: number, done: Promise<void>): Promise<void> {
  const over = new AbortController();
  await Promise.race([done, sleep(limitMs, undefined, { signal: over.signal })]);
  over.abort();
}

/** Tells how many commands were left out, now and then: whoever forges sources must not fill the log. */
function leftOutTeller(log: Log): (count: number) => void {
  let [count, toldAtMs] = [0, Number.NEGATIVE_INFINITY];
  return (more) => {
    count += more;
    if (count === 0 || performance.now() - toldAtMs < TELL_LEFT_OUT_MS) return;
    log.warn('commands were left out: too many wait, or too many blocks have one', { count });
    [count, toldAtMs] = [0, performance.now()];
  };
}

/** A filled-in command as the runner takes it; no value in it can mean anything to the shell. */
function commandOf([program = '', ...args]: readonly string[], shell: boolean): Command {
  return { argv: shell ? ['/bin/sh', '-c', [program, ...args].join(' ')] : [program, ...args] };
}

function failureOf({ status, stdout, stderr }: Outcome): { how: string; said: string } {
  const how = status === null ? 'ended by a signal' : `exit status ${status}`;
  return { how, said: (stderr.trim() || stdout.trim()).slice(-MOST_OUTPUT) };
}
