import { runKills } from './kill.ts';

/** `--times N --seed N`; undefined for anything else. */
export function readNumbers(args: readonly string[]): { times: number; seed: number } | undefined {
  const found = { times: 200, seed: 4 };
  for (let i = 0; i < args.length; i += 2) {
    const [option = '', value = ''] = args.slice(i, i + 2);
    const key = option.replace(/^--/, '');
    if ((key !== 'times' && key !== 'seed') || !/^[1-9]\d{0,8}$/.test(value)) return undefined;
    found[key] = Number(value);
  }
  return found;
}

/** Kills an agent at seeded moments and tells what is left; exit status 1 when anything is wrong. */
export async function kill(numbers: { times: number; seed: number }): Promise<void> {
  const { kills, reboots, trips, violations } = await runKills({ ...numbers, say: console.log });
  console.log(
    `${kills} kills, ${reboots} of them with a power cut; ${trips} sources tripped since the last cut`,
  );
  console.log(
    violations.length === 0 ? 'no violation' : `${violations.length} violations:\n${violations.join('\n')}`,
  );
  if (violations.length > 0) process.exitCode = 1;
}
