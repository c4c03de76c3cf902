import { liftedSchema } from '../control/messages.ts';
import { emptyBlocks } from '../nft/bad-day.ts';
import type { Policy } from '../policy/policy.ts';
import { ask, complain, print } from './ask.ts';
import { onEveryFirewall } from './every-firewall.ts';
import type { BadDay } from './pause.ts';
import { remember } from './remember.ts';
import { storedBlocks } from './stored-blocks.ts';

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
  // The kernel first: it is what keeps people out.
  const outcome = await onEveryFirewall(policy, run, { table: emptyBlocks() });
  if (!outcome.ok) return complain(outcome);
  const stored = await storedBlocks(policy);
  await stored.lift();
  const counts = { local: stored.local.length, shared: stored.shared.length };
  await remember(policy.state_dir, [{ event: 'lift', by, ...counts }]);
  return print(
    `No agent runs: the kernel and the book of blocks were emptied. ${words(counts)} The collector was not told.`,
  );
}

const words = ({ local, shared }: { local: number; shared: number }): string =>
  `Lifted ${local} blocks of this host and ${shared} of the network; the latter stay off here until their end, or until the network decides anew.`;
