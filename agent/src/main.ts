import { type Call, DEFAULT_CONFIG, parseCall, USAGE } from './cli/args.ts';
import { asker } from './cli/ask.ts';
import { checkCommand } from './cli/check.ts';
import { doctorCommand } from './cli/doctor.ts';
import { downCommand } from './cli/down.ts';
import { enrollCommand } from './cli/enroll.ts';
import { explainCommand } from './cli/explain.ts';
import { importCommand } from './cli/import.ts';
import { liftCommand } from './cli/lift.ts';
import { orderCommand } from './cli/orders.ts';
import { watchOutput } from './cli/output.ts';
import { pauseCommand, resumeCommand } from './cli/pause.ts';
import { replayCommand } from './cli/replay.ts';
import { restoreCommand } from './cli/restore.ts';
import { rotateKeyCommand } from './cli/rotate-key.ts';
import { runCommandLine } from './cli/run.ts';
import { statusCommand } from './cli/status.ts';
import { loadPolicy } from './policy/load.ts';
import type { Policy } from './policy/policy.ts';
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
  // A config that cannot be used is one of its findings.
  if (call.command === 'doctor') return doctorCommand(call);
  const policy = await loadPolicy(call.config, call.config === DEFAULT_CONFIG);
  return perform(call, policy);
}

function perform(
  call: Exclude<Call, { command: 'help' | 'version' | 'import' | 'doctor' }>,
  policy: Policy,
): Promise<number> {
  const log = stderrLog('info');
  const badDay = { by: asker(process.env), run: runCommand };
  switch (call.command) {
    case 'down':
      return downCommand(policy, runCommand);
    case 'restore':
      return restoreCommand(policy, runCommand, log);
    case 'enroll':
      return enrollCommand(policy, call);
    case 'rotate-key':
      return rotateKeyCommand(policy, log, badDay);
    case 'replay':
      return replayCommand(policy, call);
    case 'check':
      return checkCommand(policy, log, call.needs);
    case 'status':
      return statusCommand(policy, call);
    case 'explain':
      return explainCommand(policy, call.address, call.json);
    case 'pause':
      return pauseCommand(policy, call.forMs, badDay);
    case 'resume':
      return resumeCommand(policy, badDay);
    case 'lift':
      return liftCommand(policy, badDay);
    case 'unblock':
    case 'block':
    case 'allow':
    case 'disallow':
      return orderCommand(policy, call, badDay);
    case 'run':
      return runCommandLine(policy, log);
  }
}

/** Errors that a person can act on carry a code; anything else is a fault of ours and shows where it came from. */
function explain(error: unknown): string {
  if (error instanceof Error && 'code' in error) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

const printed = watchOutput(process.stdout, process.stderr);

async function end(status: number): Promise<never> {
  const fault = await printed();
  if (fault === undefined) process.exit(status);
  process.stderr.write(
    `picket-agent: standard output could not be written: ${fault.code ?? fault.message}\n`,
  );
  process.exit(status || 1);
}

main(process.argv.slice(2)).then(end, (error: unknown) => {
  process.stderr.write(`picket-agent: ${explain(error)}\n`);
  return end(1);
});
