import { UnavailableError } from '../policy/unavailable.ts';
import { createStayingRunner } from '../run/staying-runner.ts';
import type { Candidate, FirewallChoice } from './candidate.ts';
import { createCommandOnly } from './command.ts';
import { composeFirewalls } from './compose.ts';
import type { EntryCommands } from './entries.ts';
import { createEntryFirewall } from './entry-firewall.ts';
import type { Firewall } from './firewall.ts';
import { createHostsDeny } from './hosts-deny.ts';
import { whyNoFile, whyNotWritable } from './hosts-deny-file.ts';
import { createLogOnly } from './log-only.ts';
import { LINUX_FIREWALLS } from './pick-linux.ts';
import { UNIX_FIREWALLS } from './pick-unix.ts';

const LOG_ONLY: Candidate = {
  name: 'log-only',
  onlyByName: true,
  whyNot: async () => undefined,
  create: ({ log, now }) => createLogOnly(log, now),
};

const HOSTS_DENY: Candidate = {
  name: 'hosts-deny',
  onlyByName: true,
  whyNot: ({ policy }) => whyNotWritable(policy.hosts_deny.file),
  create: ({ policy, now, log }) => createHostsDeny({ ...policy.hosts_deny, now, log }),
};

const COMMAND: Candidate = {
  name: 'command',
  onlyByName: true,
  whyNot: async ({ policy }) => (policy.command.argv.length === 0 ? 'command.argv is empty' : undefined),
  create: ({ log, now }) => createCommandOnly(log, now),
};

/** All backends, in the order in which `auto` tries them. */
const CANDIDATES: readonly Candidate[] = [
  ...LINUX_FIREWALLS,
  ...UNIX_FIREWALLS,
  HOSTS_DENY,
  COMMAND,
  LOG_ONLY,
];

/** Whether a backend works on this host. */
export interface SurveyedFirewall {
  readonly name: string;
  readonly works: boolean;
  /** Why not. */
  readonly why?: string;
  /** It is for other systems than this one. */
  readonly isElsewhere?: boolean;
}

/**
 * The backend that the policy asks for, or with `auto` the first that works here, saying why not the ones before it.
 *
 * @throws UnavailableError when the policy names a backend that does not work here, or a file that is none
 */
export async function pickFirewall(choice: FirewallChoice): Promise<Firewall> {
  const main = await pickMain(choice);
  const { policy, now, log } = choice;
  // A dry run is one of everything.
  const isWanted = policy.block.also.includes('hosts-deny');
  if (!isWanted || main.name === 'hosts-deny' || main.name === 'log-only') return main;
  const why = await whyNoFile(policy.hosts_deny.file);
  if (why !== undefined) throw new UnavailableError(`block.also = ["hosts-deny"]: ${why}`);
  return composeFirewalls(main, [createHostsDeny({ ...policy.hosts_deny, now, log })], log);
}

async function pickMain(choice: FirewallChoice): Promise<Firewall> {
  const wanted = choice.policy.block.firewall;
  if (wanted !== 'auto') return make(await named(wanted, choice), choice);
  const refusals: string[] = [];
  for (const candidate of CANDIDATES) {
    if (candidate.onlyByName === true || !isForHere(candidate)) continue;
    const why = await candidate.whyNot(choice);
    if (why === undefined) {
      if (refusals.length > 0) choice.log(`blocking by ${candidate.name}, since ${refusals.join('; ')}`);
      return make(candidate, choice);
    }
    refusals.push(`${candidate.name} does not work here: ${why}`);
  }
  const why = refusals.length > 0 ? refusals.join('; ') : `none is known on ${process.platform}`;
  choice.log(`no blocking on this host, only telling: ${why}`);
  return make(LOG_ONLY, choice);
}

/** Which backends work on this host and why the others do not, in the order of `auto`. Changes nothing. */
export async function surveyFirewalls(choice: FirewallChoice): Promise<SurveyedFirewall[]> {
  return Promise.all(
    oneOfEach().map(async (candidate) => {
      const why = await whyNotHere(candidate, choice);
      return {
        ...{ name: candidate.name, works: why === undefined },
        ...(why === undefined ? {} : { why }),
        ...(isForHere(candidate) ? {} : { isElsewhere: true }),
      };
    }),
  );
}

/**
 * The backends, but for nftables, that hold lists of sources and work on this host: an agent of before may have left
 * blocks in any of them, whatever the policy says today.
 */
export async function entryFirewallsHere(choice: FirewallChoice): Promise<EntryCommands[]> {
  // What today's policy has against routes kept no agent of before from making them.
  const { policy } = choice;
  const anyPolicy = { ...choice, policy: { ...policy, block: { ...policy.block, forwarded: true } } };
  const all = CANDIDATES.map(async (candidate) => {
    if (candidate.commands === undefined || !isForHere(candidate)) return [];
    return (await candidate.whyNot(anyPolicy)) === undefined ? [await candidate.commands(choice)] : [];
  });
  return (await Promise.all(all)).flat();
}

async function named(name: string, choice: FirewallChoice): Promise<Candidate> {
  const candidate = oneOfEach().find((c) => c.name === name);
  const why = candidate === undefined ? 'it is not built yet' : await whyNotHere(candidate, choice);
  if (candidate === undefined || why !== undefined)
    throw new UnavailableError(`block.firewall = "${name}": ${why}`);
  return candidate;
}

/** One backend of each name, which several systems may have: that of this system where there is one. */
function oneOfEach(): readonly Candidate[] {
  const best = (name: string) =>
    CANDIDATES.find((c) => c.name === name && isForHere(c)) ?? CANDIDATES.find((c) => c.name === name);
  return CANDIDATES.filter((candidate) => best(candidate.name) === candidate);
}

async function whyNotHere(candidate: Candidate, choice: FirewallChoice): Promise<string | undefined> {
  return isForHere(candidate) ? candidate.whyNot(choice) : `it is not for ${process.platform}`;
}

function isForHere({ systems }: Candidate): boolean {
  return systems?.includes(process.platform) !== false;
}

async function make(candidate: Candidate, choice: FirewallChoice): Promise<Firewall> {
  const { run, now, log, mayStay } = choice;
  const warning = await candidate.warning?.(choice);
  if (warning !== undefined) log(`${candidate.name}: ${warning}`);
  if (candidate.create !== undefined) return candidate.create(choice);
  if (candidate.commands === undefined) throw new TypeError(`${candidate.name} is no backend`);
  const commands = await candidate.commands(choice);
  const { standIn } = commands;
  const how = mayStay && standIn !== undefined ? createStayingRunner(standIn, { run, log }) : { run };
  return createEntryFirewall(commands, { ...how, now, log });
}
