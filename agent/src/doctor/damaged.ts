import { bookPath, parseBook } from '../blocks/book.ts';
import { offencesPath, openOffences } from '../blocks/offences.ts';
import { allowancesPath, openAllowances } from '../control/allowances.ts';
import { liftedPath, openLifted } from '../control/lifted.ts';
import { openStance, pausePath } from '../control/stance.ts';
import type { Policy } from '../policy/policy.ts';

/** What those who read a file of the state folder work with; nothing is written. */
interface Files {
  readonly load: () => Promise<string | undefined>;
  readonly save: () => Promise<void>;
  readonly damaged: () => void;
  readonly now: () => number;
}

/**
 * Files of the state folder that an agent would take for empty, since they are damaged: each read by who uses it.
 *
 * @param read text of a file; undefined where there is none, or it may not be read
 */
export async function damagedFiles(
  { state_dir, mode, block }: Pick<Policy, 'state_dir' | 'mode' | 'block'>,
  read: (path: string) => Promise<string | undefined>,
): Promise<string[]> {
  const readers: Readonly<Record<string, (files: Files) => Promise<unknown>>> = {
    [bookPath(state_dir)]: async ({ load, damaged }) => {
      const text = await load();
      if (text !== undefined && parseBook(text) === undefined) damaged();
    },
    [pausePath(state_dir)]: (files) => openStance({ own: mode, ...files }),
    [liftedPath(state_dir)]: openLifted,
    [allowancesPath(state_dir)]: openAllowances,
    [offencesPath(state_dir)]: (files) => openOffences({ escalation: block, ...files }),
  };
  const found: string[] = [];
  for (const [path, open] of Object.entries(readers)) {
    const damaged = () => void found.push(path);
    await open({ load: () => read(path), save: async () => {}, damaged, now: Date.now });
  }
  return found;
}
