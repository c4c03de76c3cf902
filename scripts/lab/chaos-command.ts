import { runChaos } from './chaos.ts';

/** What can be asked of a run. */
export type ChaosArguments = { times: number; seed: number; database: 'own' | 'private' };

/** Kills whatever is between a probe and its row, and tells what is wrong then; exit status 1 when anything is. */
export async function chaos(options: ChaosArguments): Promise<void> {
  const beganMs = performance.now();
  const { kills, atCalls, sources, violations } = await runChaos({ ...options, say: console.log });
  const seconds = Math.round((performance.now() - beganMs) / 1_000);
  console.log(
    `${kills} kills and cuts, ${atCalls} of them at a system call; ${sources} sources; ${seconds} s`,
  );
  const words = violations.length === 0 ? 'no violation' : `${violations.length} violations:`;
  console.log([words, ...violations].join('\n'));
  if (violations.length > 0) process.exitCode = 1;
}
