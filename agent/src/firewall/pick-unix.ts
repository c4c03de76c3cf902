import type { Command, Runner } from '../run/runner.ts';
import type { Candidate } from './candidate.ts';
import { answersOf, runSteps } from './entry-steps.ts';
import { FirewallError } from './firewall.ts';
import { IPFILTER_TRIALS, ipfilterRules } from './ipfilter.ts';
import { ipfilterRefusal } from './ipfilter-refusal.ts';
import { ipfwTables, ipfwTrials } from './ipfw.ts';
import { ipfwCollision, ipfwRefusal } from './ipfw-refusal.ts';
import { pfTables, pfTrials } from './pf.ts';
import { PF_SYSTEMS, passesBefore, pfRefusal } from './pf-refusal.ts';
import { rejectRoutes, routeTrial } from './reject-route.ts';

/** Systems with pf, or with routes that throw away, as Node names them. */
type System = keyof typeof PF_SYSTEMS;

/** Solaris 11.4 has pf; illumos and Solaris 10 lack pfctl, and have ipfilter. */
const pf = (system: System): Candidate => ({
  name: 'pf',
  systems: [system],
  whyNot: ({ run, policy }) =>
    whyNot(run, pfTrials(policy.block), ([info = '', rules = '']) =>
      pfRefusal(PF_SYSTEMS[system], info, rules),
    ),
  warning: async ({ run, policy }) => {
    const answers = await answersOf(run, pfTrials(policy.block));
    const rule = 'words' in answers ? undefined : passesBefore(answers.outputs[1] ?? '');
    return rule === undefined
      ? undefined
      : `the main rules pass packets before anchor "picket" is asked, and those are not blocked: ${rule}`;
  },
  commands: async ({ policy }) => pfTables(PF_SYSTEMS[system], policy.block),
});

const ipfw: Candidate = {
  name: 'ipfw',
  systems: ['freebsd'],
  whyNot: ({ run, policy }) =>
    whyNot(run, ipfwTrials(policy.block), ([enabled = '', rules = '']) =>
      [ipfwRefusal(enabled), ipfwCollision(rules)].find((why) => why !== undefined),
    ),
  warning: async () =>
    'a held source keeps a UDP conversation only from when this host has answered it again; what is refused is not counted by source',
  commands: async ({ policy }) => ipfwTables(policy.block),
};

const ipfilter: Candidate = {
  name: 'ipfilter',
  systems: ['sunos'],
  whyNot: async ({ run, policy }) => {
    if (!policy.block.forwarded)
      return 'its rules are for forwarded packets too, and block.forwarded is false';
    return whyNot(run, IPFILTER_TRIALS, ([version = '']) => ipfilterRefusal(version));
  },
  warning: async () =>
    'it holds 2,000 sources at most, and goes through them one by one; connections in its state table are not cut, and without "keep state" rules a held source loses its UDP conversations',
  commands: async () => ipfilterRules(),
};

const route = (system: System): Candidate => ({
  name: 'route',
  systems: [system],
  whyNot: async ({ run, policy }) => {
    if (!policy.block.forwarded) return 'a route is for forwarded packets too, and block.forwarded is false';
    return runSteps(run, routeTrial(system)).then(() => undefined, wordsOf);
  },
  warning: async ({ policy }) =>
    policy.block.established === 'keep'
      ? 'a route throws away every answer, so block.established = "keep" cannot be kept: who is blocked loses its connections'
      : undefined,
  commands: async () => rejectRoutes(system),
});

/** The backends of FreeBSD, OpenBSD, Solaris and illumos in the order of `auto`. */
export const UNIX_FIREWALLS: readonly Candidate[] = [
  pf('freebsd'),
  pf('openbsd'),
  pf('sunos'),
  ipfw,
  ipfilter,
  route('freebsd'),
  route('openbsd'),
  route('sunos'),
];

/** Runs commands that change nothing; why one of them fails, or what their outputs give away. */
async function whyNot(
  run: Runner,
  trials: readonly Command[],
  refusal: (outputs: readonly string[]) => string | undefined,
): Promise<string | undefined> {
  const answers = await answersOf(run, trials).catch((error: unknown) => ({ words: wordsOf(error) }));
  return 'words' in answers ? answers.words : refusal(answers.outputs);
}

function wordsOf(error: unknown): string {
  if (error instanceof FirewallError) return error.message;
  throw error;
}
