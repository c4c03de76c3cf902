import { bookPath } from './blocks/book.ts';
import { parseCall, USAGE } from './cli/args.ts';
import { checkCommand } from './cli/check.ts';
import { downCommand } from './cli/down.ts';
import { enrollCommand } from './cli/enroll.ts';
import { importCommand } from './cli/import.ts';
import { replayCommand } from './cli/replay.ts';
import { runCommandLine } from './cli/run.ts';
import { loadPolicy } from './policy/load.ts';
import { stderrLog } from './report/log.ts';
import { runCommand } from './run/runner.ts';
import { AGENT_VERSION } from './version.ts';

/** Exit status of a command line that cannot be understood (sysexits(3), EX_USAGE). */
const EX_USAGE = 64;

async function main(args: readonly string[]): Promise<number> {
  const parsed = parseCall(args);
  if (!parsed.ok) {
    process.stderr.write(`picket-agent: ${parsed.reason}\n`);
    return EX_USAGE;
  }
  const { call } = parsed;
  if (call.command === 'help' || call.command === 'version') {
    process.stdout.write(call.command === 'help' ? USAGE : `picket-agent ${AGENT_VERSION}\n`);
    return 0;
  }
  if (call.command === 'import') return importCommand(call);
  const policy = await loadPolicy(call.config);
  if (call.command === 'down') return downCommand(runCommand, bookPath(policy.state_dir));
  if (call.command === 'enroll') return enrollCommand(policy, call.joinKeyFile);
  if (call.command === 'replay') return replayCommand(policy, call);
  const log = stderrLog('info');
  return call.command === 'check' ? checkCommand(policy, log) : runCommandLine(policy, log);
}

/** Errors that a person can act on carry a code; anything else is a fault of ours and shows where it came from. */
function explain(error: unknown): string {
  if (error instanceof Error && 'code' in error) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

main(process.argv.slice(2)).then(
  (status) => process.exit(status),
  (error: unknown) => {
    process.stderr.write(`picket-agent: ${explain(error)}\n`);
    process.exit(1);
  },
);
