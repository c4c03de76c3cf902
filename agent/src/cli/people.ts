import { rm } from 'node:fs/promises';
import { type Allowances, allowancesPath, openAllowances } from '../control/allowances.ts';
import { type Lifted, liftedPath, openLifted } from '../control/lifted.ts';
import { openStance, pausePath, type Stance } from '../control/stance.ts';
import type { Policy } from '../policy/policy.ts';
import { readFileIfThere, replaceFile } from '../uplink/state-file.ts';

/** What people of this host have decided, as it was kept over a restart. */
export async function openStanceFiles({
  state_dir,
  mode,
}: Policy): Promise<{ stance: Stance; lifted: Lifted; allowances: Allowances }> {
  const [pause, lifted, allowed] = [pausePath(state_dir), liftedPath(state_dir), allowancesPath(state_dir)];
  return {
    stance: await openStance({
      own: mode,
      load: () => readFileIfThere(pause),
      save: (text) => (text === undefined ? rm(pause, { force: true }) : replaceFile(pause, text)),
      now: Date.now,
    }),
    lifted: await openLifted({
      load: () => readFileIfThere(lifted),
      save: (text) => replaceFile(lifted, text),
      now: Date.now,
    }),
    allowances: await openAllowances({
      load: () => readFileIfThere(allowed),
      save: (text) => replaceFile(allowed, text),
      now: Date.now,
    }),
  };
}
