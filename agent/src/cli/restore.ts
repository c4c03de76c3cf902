import { neverBlockRule, type Source } from '@picket/protocol';
import { takenShared } from '../blocks/told.ts';
import { ControlError, controlPath, openControlSocket } from '../control/socket.ts';
import type { Firewall } from '../firewall/firewall.ts';
import { pickFirewall } from '../firewall/pick.ts';
import { readEphemeralPorts } from '../host/facts.ts';
import { rulesetPolicy } from '../policy/derive.ts';
import type { Policy } from '../policy/policy.ts';
import type { Log } from '../report/log.ts';
import type { Runner } from '../run/runner.ts';
import { print } from './ask.ts';
import { openStanceFiles } from './people.ts';
import { acceptKept, keptBlocks, keptList } from './restore/kept.ts';
import { knownNow } from './restore/known-now.ts';

/**
 * `picket-agent restore`: puts the blocks that the state folder remembers in force, for what is left of their time, and
 * ends. Made for the time before the network is up: it asks nobody, neither DNS nor the collector. Detection begins with
 * the agent, since services that are not up yet would make probes of their clients.
 *
 * @returns the exit status
 * @throws ControlError while an agent runs
 */
export async function restoreCommand(policy: Policy, run: Runner, log: Log): Promise<number> {
  // Whoever holds the socket has the folder to itself. Where none can be made no agent runs, and blocks count more.
  const control = await openControlSocket(controlPath(policy.state_dir), log).catch((error: unknown) => {
    if (error instanceof ControlError) throw error;
    return undefined;
  });
  try {
    const ruleset = rulesetPolicy(policy, await readEphemeralPorts(), false);
    const warn = (message: string) => log.warn(message);
    const firewall = await pickFirewall({ policy, ruleset, run, now: Date.now, log: warn });
    if (!firewall.enforces) return print('nothing is restored: this host blocks nobody, it only tells');
    const { local, shared } = await restoreInto(firewall, policy, log);
    return print(`in force again: ${local} blocks of this host, ${shared} of the network`);
  } finally {
    await control?.close();
  }
}

/** Puts what is kept into a firewall. */
export async function restoreInto(
  firewall: Firewall,
  policy: Policy,
  log: Log,
): Promise<{ local: number; shared: number }> {
  const [list, people] = [await keptList(policy, log), await openStanceFiles(policy, log)];
  const { stance, lifted, allowances } = people;
  const allowed = allowances.list().map(({ network }) => network);
  const { facts, allow, onLink } = await knownNow(policy, [...(list?.allow ?? []), ...allowed]);
  const accepted = list && (await acceptKept(list, facts, policy));
  stance.setNetwork(accepted?.observe);
  const rest = { allow, onLink, enforce: stance.now().mode === 'enforce' };
  const local = await keptBlocks(policy, neverBlockRule(facts), { nowMs: Date.now(), log });
  // What is in force already stays, also what the kernel decided and no book has.
  for (const block of await firewall.open(rest)) local.set(block.source, { ...block, decidedBy: 'kernel' });
  await firewall.apply({ ...rest, local });
  const isLifted = (source: Source) => lifted.has(accepted?.signed.get(source));
  const shared = accepted ? takenShared(accepted.entries.values(), policy, isLifted) : new Map();
  await firewall.share(shared);
  await firewall.close?.();
  return { local: local.size, shared: shared.size };
}
