import { firstAddress, isSingleSource, overlaps, parseSource, type Source, sourceOf } from '@picket/protocol';
import type { LiftedCounts } from '../agent-port.ts';
import { allowancesPath, openAllowances } from '../control/allowances.ts';
import { allowedSchema, blockedSchema, disallowedSchema, liftedSchema } from '../control/messages.ts';
import { unblocked } from '../nft/bad-day.ts';
import { resetRates } from '../nft/elements.ts';
import type { Policy } from '../policy/policy.ts';
import { stderrLog } from '../report/log.ts';
import { makePrivateFolder } from '../uplink/state-file.ts';
import { ask, complain, print } from './ask.ts';
import { onTable } from './bad-day.ts';
import { onEveryFirewall } from './every-firewall.ts';
import type { BadDay } from './pause.ts';
import { stateFile } from './people.ts';
import { remember } from './remember.ts';
import { storedBlocks } from './stored-blocks.ts';
import { timeWords } from './words/time.ts';

/** What a person orders about one network. */
export type OrderCall =
  | { command: 'unblock' | 'disallow'; config: string; network: string }
  | { command: 'allow'; config: string; network: string; forMs: number }
  | { command: 'block'; config: string; network: string; forMs: number; drop: boolean };

/** Carries a person's order out: through the agent, or without one as far as that goes. @returns the exit status */
export async function orderCommand(policy: Policy, call: OrderCall, badDay: BadDay): Promise<number> {
  const network = parseSource(call.network);
  if (network === undefined)
    return complain({ why: `"${call.network}" is no address and no network like 192.0.2.0/24` });
  switch (call.command) {
    case 'unblock':
      return unblock(policy, network, badDay);
    case 'block':
      return block(policy, { network, forMs: call.forMs, drop: call.drop }, badDay);
    case 'allow':
      return allow(policy, { network, untilMs: Date.now() + call.forMs, by: badDay.by }, badDay);
    case 'disallow':
      return disallow(policy, network, badDay);
  }
}

async function unblock(policy: Policy, network: Source, { by, run }: BadDay): Promise<number> {
  const body = { by, network };
  const asked = await ask(policy, { method: 'POST', route: '/v1/unblock', body, schema: liftedSchema });
  if (asked.ok) return print(liftedWords(network, asked.value));
  if (asked.kind !== 'none') return complain(asked);
  const { local, shared, lift } = await storedBlocks(policy, network);
  // The source itself too: the kernel may have decided what no book knows of.
  const named = isSingleSource(network) ? [network, sourceOf(firstAddress(network))] : [];
  const sources = new Set([
    ...local.map(({ source }) => source),
    ...shared.map(([source]) => source),
    ...named,
  ]);
  // The kernel first: it is what keeps people out.
  const outcome = await onEveryFirewall(policy, run, {
    table: unblocked([...sources]),
    isMeant: (source) => overlaps(network, source),
  });
  if (!outcome.ok) return complain(outcome);
  // A table that only blocks has no evidence to forget.
  await onTable(run, resetRates([...sources]));
  await lift();
  const lifted = local.length > 0 ? local : shared.length > 0 ? [{ source: network }] : [];
  const why = `lifted on this host by ${by}`.slice(0, 100);
  await remember(
    policy.state_dir,
    lifted.map(({ source }) => ({ event: 'unblock', source, by, why })),
  );
  return print(
    `No agent runs. ${liftedWords(network, { local: local.length, shared: shared.length })} The collector was not told.`,
  );
}

const liftedWords = (network: string, { local, shared }: LiftedCounts): string =>
  local + shared === 0
    ? `${network} was not blocked; what was counted against it is forgotten.`
    : `${network}: lifted ${local} blocks of this host and ${shared} of the network; the latter stay off here until their end, or until the network decides anew.`;

async function block(
  policy: Policy,
  { network, forMs, drop }: { network: Source; forMs: number; drop: boolean },
  { by }: BadDay,
): Promise<number> {
  const body = { by, network, untilMs: Date.now() + forMs, tier: drop ? 'dropped' : 'held' };
  const { when, time_limit } = policy.command;
  const asked = await ask(policy, {
    ...{ method: 'POST', route: '/v1/block', body, schema: blockedSchema },
    // The administrator's command comes first.
    moreMs: when === 'before' ? time_limit : 0,
  });
  if (!asked.ok) return complain(asked);
  const { source, block: made } = asked.value;
  const what = made.tier === 'held' ? 'new connections are refused' : 'all its packets are dropped';
  const inForce = asked.value.enforced ? '' : ', but nobody is refused now (see picket-agent status)';
  return print(`${source} is blocked until ${timeWords(made.untilMs)}: ${what}${inForce}.`);
}

async function allow(
  policy: Policy,
  allowance: { network: Source; untilMs: number; by: string },
  badDay: BadDay,
): Promise<number> {
  const { network, untilMs } = allowance;
  const until = `${network} is allowed until ${timeWords(untilMs)}`;
  const asked = await ask(policy, {
    ...{ method: 'POST', route: '/v1/allow', body: allowance, schema: allowedSchema },
  });
  if (asked.ok) {
    print(`${until}. ${liftedWords(network, asked.value)}`);
    return asked.value.isKept
      ? 0
      : complain({ why: 'it could not be written to the disk: a restart of the agent ends it' });
  }
  if (asked.kind !== 'none') return complain(asked);
  await makePrivateFolder(policy.state_dir);
  const added = await (await openOwn(policy)).add(allowance);
  if (added === 'too many')
    return complain({ why: 'too many are allowed for a while already; write it into allow.sources' });
  print(
    added === 'kept'
      ? `${until}, once an agent starts.`
      : `${network} could not be written to the disk: an agent that starts does not know of it.`,
  );
  return unblock(policy, network, badDay);
}

async function disallow(policy: Policy, network: Source, { by }: BadDay): Promise<number> {
  const body = { by, network };
  const asked = await ask(policy, {
    ...{ method: 'POST', route: '/v1/disallow', body, schema: disallowedSchema },
  });
  if (!asked.ok && asked.kind !== 'none') return complain(asked);
  const wasAllowed = asked.ok ? asked.value.wasAllowed : await (await openOwn(policy)).remove(network);
  if (!wasAllowed)
    return complain({
      why: `${network} was not allowed by "picket-agent allow"; see "picket-agent status", and allow.sources of picket.toml`,
    });
  return print(`${network} is no longer allowed${asked.ok ? '' : ', once an agent starts'}.`);
}

function openOwn({ state_dir }: Policy) {
  return openAllowances(stateFile(allowancesPath(state_dir), stderrLog('warn')));
}
