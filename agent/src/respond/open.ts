import type { Report } from '../agent-port.ts';
import type { Policy } from '../policy/policy.ts';
import type { Log } from '../report/log.ts';
import { createRunner } from '../run/runner.ts';
import { readFileIfThere, replaceFile } from '../uplink/state-file.ts';
import { type CommandRun, createCommandResponder, MOST_OUTPUT } from './command.ts';
import { ledgerPath } from './ledger.ts';
import { NO_RESPONDER, type Responder } from './responder.ts';

/** What a responder is opened with. */
export interface ResponderOptions {
  readonly policy: Policy;
  /** The engine's name. */
  readonly engine: string;
  /** Whether blocks are carried out now. */
  readonly enforces: () => boolean;
  readonly ran: (run: CommandRun) => void;
  readonly log: Log;
}

/** What the policy asks for beside blocks; in a dry run (`block.firewall = "log-only"`) nothing. */
export function openResponder({ policy, engine, enforces, ran, log }: ResponderOptions): Responder {
  const { block, command, state_dir } = policy;
  const asks = block.firewall === 'command' || block.also.includes('command');
  if (!asks || block.firewall === 'log-only') return NO_RESPONDER;
  const limits = { limitMs: command.time_limit, mostOutput: MOST_OUTPUT, wholeGroup: true };
  return createCommandResponder({
    ...{ settings: command, binds: engine === 'connect', enforces, ran, log },
    run: createRunner(limits),
    load: () => readFileIfThere(ledgerPath(state_dir)),
    save: (text) => replaceFile(ledgerPath(state_dir), text),
  });
}

/** A report that has done beside a block what is to be done, whenever a block or its end is told. */
export function withResponder(report: Report, responder: Responder): Report {
  return {
    ...report,
    blocked(block, probe) {
      report.blocked(block, probe);
      responder.after(block, probe);
    },
    ended(block, why) {
      report.ended(block, why);
      responder.ended(block.source);
    },
  };
}
