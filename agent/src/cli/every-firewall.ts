import type { Source } from '@picket/protocol';
import type { EntryCommands } from '../firewall/entries.ts';
import { createEntryFirewall } from '../firewall/entry-firewall.ts';
import { answersOf, runSteps } from '../firewall/entry-steps.ts';
import { entryFirewallsHere } from '../firewall/pick.ts';
import { readEphemeralPorts } from '../host/facts.ts';
import { rulesetPolicy } from '../policy/derive.ts';
import type { Policy } from '../policy/policy.ts';
import type { Runner } from '../run/runner.ts';
import { type Done, onTable } from './bad-day.ts';

/** What is done while no agent runs. */
export interface Emptying {
  /** Script lines for the nftables table. */
  readonly table: readonly string[];
  /** Which sources are let go in the other firewalls; all that Picket made there when absent. */
  readonly isMeant?: (source: Source) => boolean;
}

/**
 * Lets sources go in the table of the kernel and in every other firewall that works here, while no agent runs: an agent
 * may have chosen any of them when it ran last.
 */
export async function onEveryFirewall(
  policy: Policy,
  run: Runner,
  { table, isMeant }: Emptying,
): Promise<Done> {
  const inTable = await onTable(run, table);
  const inOthers = await onOthers(policy, run, isMeant);
  if (!inTable.ok) return inTable;
  return inOthers.ok ? { ok: true, there: inTable.there || inOthers.there } : inOthers;
}

/** The same in the firewalls beside the table. */
export async function onOthers(policy: Policy, run: Runner, isMeant?: Emptying['isMeant']): Promise<Done> {
  const quiet = { run, now: Date.now, log: () => {} };
  const ruleset = rulesetPolicy(policy, await readEphemeralPorts(), false);
  try {
    let there = false;
    for (const commands of await entryFirewallsHere({ policy, ruleset, ...quiet })) {
      const found = await meant(commands, run, isMeant);
      if (isMeant === undefined) await createEntryFirewall(commands, quiet).remove();
      else if (found.length > 0) await runSteps(run, commands.remove(found));
      there ||= found.length > 0;
    }
    return { ok: true, there };
  } catch (error) {
    return { ok: false, why: (error as Error).message };
  }
}

/** What a firewall holds of what is meant; nothing where nothing is set up. */
async function meant(commands: EntryCommands, run: Runner, isMeant: Emptying['isMeant'] = () => true) {
  const answers = await answersOf(run, commands.list('all'));
  if ('words' in answers) return [];
  return (commands.parse(answers.outputs, Date.now()) ?? []).filter(({ source }) => isMeant(source));
}
