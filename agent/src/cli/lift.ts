import { rm } from 'node:fs/promises';
import { bookPath, formatBook, parseBook } from '../blocks/book.ts';
import { formatLifted, liftedPath } from '../control/lifted.ts';
import { liftedSchema } from '../control/messages.ts';
import { emptyBlocks } from '../nft/bad-day.ts';
import type { Policy } from '../policy/policy.ts';
import { readSavedList } from '../uplink/list-file.ts';
import { readFileIfThere, replaceFile } from '../uplink/state-file.ts';
import { ask, complain, print } from './ask.ts';
import { onEveryFirewall } from './every-firewall.ts';
import type { BadDay } from './pause.ts';
import { remember } from './remember.ts';

/**
 * `picket-agent lift --all`: no source is blocked on this host any more, neither by its own decision nor by the network's.
 * Without an agent it does the same to the kernel and to what an agent would read at its start.
 *
 * @returns the exit status
 */
export async function liftCommand(policy: Policy, { by, run }: BadDay): Promise<number> {
  const asked = await ask(policy, { method: 'POST', route: '/v1/lift', body: { by }, schema: liftedSchema });
  if (asked.ok) return print(words(asked.value));
  if (asked.kind !== 'none') return complain(asked);
  const { state_dir } = policy;
  // The kernel first: it is what keeps people out.
  const outcome = await onEveryFirewall(policy, run, { table: emptyBlocks() });
  if (!outcome.ok) return complain(outcome);
  const book = parseBook((await readFileIfThere(bookPath(state_dir))) ?? '[]') ?? [];
  const shared = (await readSavedList(state_dir))?.entries ?? [];
  // On a full disk the book goes whole: the next agent must not put its blocks back.
  if (book.length > 0)
    await replaceFile(bookPath(state_dir), formatBook(new Map())).catch(() =>
      rm(bookPath(state_dir), { force: true }),
    );
  if (shared.length > 0) {
    const ends = shared.map(([source, untilMs]) => [source, untilMs] as const);
    await replaceFile(liftedPath(state_dir), formatLifted(ends));
  }
  const counts = { local: book.length, shared: shared.length };
  await remember(state_dir, [{ event: 'lift', by, ...counts }]);
  return print(
    `No agent runs: the kernel and the book of blocks were emptied. ${words(counts)} The collector was not told.`,
  );
}

const words = ({ local, shared }: { local: number; shared: number }): string =>
  `Lifted ${local} blocks of this host and ${shared} of the network; the latter stay off here until their end, or until the network decides anew.`;
