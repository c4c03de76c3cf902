import { rm } from 'node:fs/promises';
import { pausedSchema } from '../control/messages.ts';
import { formatPause, parsePause, pausePath } from '../control/stance.ts';
import { nothingEnforced } from '../nft/bad-day.ts';
import type { Policy } from '../policy/policy.ts';
import type { Runner } from '../run/runner.ts';
import { makePrivateFolder, readFileIfThere, replaceFile } from '../uplink/state-file.ts';
import { ask, complain, print } from './ask.ts';
import { onEveryFirewall } from './every-firewall.ts';
import { stanceWords } from './words/stance.ts';
import { timeWords } from './words/time.ts';

/** Who asks, and with what at hand when no agent runs. */
export interface BadDay {
  readonly by: string;
  readonly run: Runner;
}

/**
 * `picket-agent pause`: detection goes on, nothing is blocked until then. Without an agent the table of the kernel refuses
 * nothing any more, and the next agent starts paused.
 *
 * @returns the exit status
 */
export async function pauseCommand(policy: Policy, forMs: number, { by, run }: BadDay): Promise<number> {
  const untilMs = Date.now() + forMs;
  const asked = await ask(policy, {
    method: 'POST',
    route: '/v1/pause',
    body: { by, untilMs },
    schema: pausedSchema,
  });
  if (asked.ok) {
    print(`mode: ${stanceWords(asked.value.stance, Date.now())}`);
    return asked.value.isKept
      ? 0
      : complain({ why: 'it could not be written to the disk: a restart of the agent ends it' });
  }
  if (asked.kind !== 'none') return complain(asked);
  // The kernel first: a full disk must not keep people out.
  const outcome = await onEveryFirewall(policy, run, { table: nothingEnforced() });
  if (!outcome.ok) return complain(outcome);
  await makePrivateFolder(policy.state_dir);
  await replaceFile(pausePath(policy.state_dir), formatPause({ atMs: Date.now(), untilMs, by }));
  return print(
    `No agent runs. ${outcome.there ? 'Its blocks in the kernel refuse nothing now' : 'It has no blocks in the kernel'}; ` +
      `an agent that starts before ${timeWords(untilMs)} is paused until then.`,
  );
}

/** `picket-agent resume`: blocks that have not ended are in force again. @returns the exit status */
export async function resumeCommand(policy: Policy, { by }: BadDay): Promise<number> {
  const asked = await ask(policy, {
    method: 'POST',
    route: '/v1/resume',
    body: { by },
    schema: pausedSchema,
  });
  if (asked.ok) {
    const { stance, wasPaused } = asked.value;
    return print(`${wasPaused ? '' : 'It was not paused. '}mode: ${stanceWords(stance, Date.now())}`);
  }
  if (asked.kind !== 'none') return complain(asked);
  const path = pausePath(policy.state_dir);
  const pause = parsePause(await readFileIfThere(path));
  await rm(path, { force: true });
  const was = pause === undefined ? 'there was no pause' : 'the pause is over';
  return print(`No agent runs; ${was}. Blocks are in force again once an agent starts.`);
}
