import { rm } from 'node:fs/promises';
import { type Allowances, allowancesPath, openAllowances } from '../control/allowances.ts';
import { type Lifted, liftedPath, openLifted } from '../control/lifted.ts';
import { openStance, pausePath, type Stance } from '../control/stance.ts';
import type { Policy } from '../policy/policy.ts';
import type { Log } from '../report/log.ts';
import { readFileIfThere, replaceFile } from '../uplink/state-file.ts';

/** A file of the state folder as text, for those who open what is kept in it; what is damaged there is told. */
export function stateFile(path: string, log: Pick<Log, 'warn'>) {
  return {
    load: () => readFileIfThere(path),
    save: (text: string) => replaceFile(path, text),
    damaged: () => log.warn('a file is damaged, and what it held is gone', { path }),
    now: Date.now,
  };
}

/** What people of this host have decided, as it was kept over a restart. */
export async function openStanceFiles(
  { state_dir, mode }: Policy,
  log: Pick<Log, 'warn'>,
): Promise<{ stance: Stance; lifted: Lifted; allowances: Allowances }> {
  const pause = pausePath(state_dir);
  const { damaged } = stateFile(pause, log);
  return {
    stance: await openStance({
      own: mode,
      load: () => readFileIfThere(pause),
      save: (text) => (text === undefined ? rm(pause, { force: true }) : replaceFile(pause, text)),
      damaged,
      now: Date.now,
    }),
    lifted: await openLifted(stateFile(liftedPath(state_dir), log)),
    allowances: await openAllowances(stateFile(allowancesPath(state_dir), log)),
  };
}
