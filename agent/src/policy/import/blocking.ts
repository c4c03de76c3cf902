import { translateCommand } from './kill-text.ts';
import type { Setting } from './lines.ts';
import type { Context } from './piece.ts';

/** What BLOCK_TCP and BLOCK_UDP say: 0 only logs, 1 does everything, 2 runs KILL_RUN_CMD alone. */
export interface Blocking {
  readonly settings: readonly { readonly setting: Setting | undefined; readonly value: string }[];
  /** `enforce` when anything is done. Picket has one mode for all transports. */
  readonly mode: 'enforce' | 'observe';
  /** Whether the command is all that is done. */
  readonly isCommandOnly: boolean;
}

/** Without a setting both generations only log; without a KILL_RUN_CMD that can be taken over a 2 does nothing. */
export function blockingOf({ find }: Context): Blocking {
  const settings = ['BLOCK_TCP', 'BLOCK_UDP'].map((key) => {
    const setting = find(key);
    return { setting, value: setting?.value.trim() ?? '0' };
  });
  const says = (wanted: string): boolean => settings.some(({ value }) => value === wanted);
  const command = find('KILL_RUN_CMD');
  const isCommandOnly =
    !says('1') && says('2') && command !== undefined && translateCommand(command.value) !== undefined;
  return { settings, isCommandOnly, mode: says('1') || isCommandOnly ? 'enforce' : 'observe' };
}
