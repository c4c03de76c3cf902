import type { Source } from '@picket/protocol';
import type { EntryCommands } from '../firewall/entries.ts';
import { createEntryFirewall } from '../firewall/entry-firewall.ts';
import { answersOf, runSteps } from '../firewall/entry-steps.ts';
import { clearHostsDeny } from '../firewall/hosts-deny-clear.ts';
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

/** The same in the firewalls beside the table, and in the files of TCP wrappers. */
async function onOthers(policy: Policy, run: Runner, isMeant?: Emptying['isMeant']): Promise<Done> {
  const ends = await Promise.all([
    counted(() => inFiles(policy, isMeant)),
    counted(() => inEntries(policy, run, isMeant)),
  ]);
  const failure = ends.find((end) => !end.ok);
  return failure ?? { ok: true, there: ends.some((end) => end.ok && end.there) };
}

/** One that fails holds no other up. */
async function counted(work: () => Promise<boolean>): Promise<Done> {
  return work().then(
    (there) => ({ ok: true, there }),
    (error: Error) => ({ ok: false, why: error.message }),
  );
}

async function inFiles({ hosts_deny }: Policy, isMeant: Emptying['isMeant']): Promise<boolean> {
  return (await clearHostsDeny(hosts_deny, { ...(isMeant && { isMeant }) })).length > 0;
}

async function inEntries(policy: Policy, run: Runner, isMeant: Emptying['isMeant']): Promise<boolean> {
  const quiet = { run, now: Date.now, log: () => {} };
  const ruleset = rulesetPolicy(policy, await readEphemeralPorts(), false);
  let there = false;
  for (const commands of await entryFirewallsHere({ policy, ruleset, ...quiet })) {
    const found = await meant(commands, run, isMeant);
    if (isMeant === undefined) await createEntryFirewall(commands, quiet).remove();
    else if (found.length > 0) await runSteps(run, commands.remove(found));
    there ||= found.length > 0;
  }
  return there;
}

/** What a firewall holds of what is meant; nothing where nothing is set up. */
async function meant(commands: EntryCommands, run: Runner, isMeant: Emptying['isMeant'] = () => true) {
  const answers = await answersOf(run, commands.list('all'));
  if ('words' in answers) return [];
  return (commands.parse(answers.outputs, Date.now()) ?? []).filter(({ source }) => isMeant(source));
}
