import type { Family } from '@picket/protocol';
import { nftCheck } from '../run/nft-check.ts';
import { createNftSession } from '../run/nft-session.ts';
import type { Runner } from '../run/runner.ts';
import type { Candidate, FirewallChoice } from './candidate.ts';
import type { Step } from './entries.ts';
import { IPSET_TRIALS, iptablesTrials, routeTrials, whyNot } from './entry-trials.ts';
import { iptablesRules } from './iptables.ts';
import { iptablesIpset } from './iptables-ipset.ts';
import { createNftables } from './nftables.ts';
import { blackholeRoutes } from './route.ts';

const IPTABLES = 'the package iptables';

const nftables: Candidate = {
  name: 'nftables',
  systems: ['linux'],
  whyNot: ({ run, ruleset }) => nftCheck(run, ruleset),
  create: ({ now, ruleset, log }) => {
    const session = createNftSession({ log });
    return createNftables({ run: session.run, session, now, policy: ruleset, log });
  },
};

const ipset: Candidate = {
  name: 'iptables-ipset',
  systems: ['linux'],
  whyNot: async ({ run }) =>
    (await whyNot(run, IPSET_TRIALS, 'the package ipset')) ??
    (await whyNot(run, iptablesTrials(4), IPTABLES)),
  warning: ({ run }) => whyNotBoth(run, iptablesTrials, IPTABLES),
  commands: async (choice) => iptablesIpset(await optionsOf(choice)),
};

const iptables: Candidate = {
  name: 'iptables',
  systems: ['linux'],
  whyNot: ({ run }) => whyNot(run, iptablesTrials(4), IPTABLES),
  warning: async ({ run }) =>
    [
      'it holds 2,000 sources at most, and goes through them one by one for each packet',
      await whyNotBoth(run, iptablesTrials, IPTABLES),
    ]
      .filter(Boolean)
      .join('; '),
  commands: async (choice) => iptablesRules(await optionsOf(choice)),
};

const route: Candidate = {
  name: 'route',
  systems: ['linux'],
  whyNot: async ({ run, policy }) => {
    if (!policy.block.forwarded) return 'a route is for forwarded packets too, and block.forwarded is false';
    return whyNot(run, routeTrials(4), 'the package iproute2');
  },
  warning: async ({ policy }) =>
    policy.block.established === 'keep'
      ? 'a route throws away every answer, so block.established = "keep" cannot be kept: who is blocked loses its connections'
      : undefined,
  commands: async ({ run }) => blackholeRoutes(await familiesOf(run, routeTrials, 'the package iproute2')),
};

/** Linux's backends in the order of `auto`. */
export const LINUX_FIREWALLS: readonly Candidate[] = [nftables, ipset, iptables, route];

async function optionsOf({ run, policy }: FirewallChoice) {
  const families = await familiesOf(run, iptablesTrials, IPTABLES);
  return { forwarded: policy.block.forwarded, families };
}

/** A kernel without IPv6 refuses its commands, and has nobody to block there. */
async function familiesOf(
  run: Runner,
  trials: (family: Family) => Step[],
  packages: string,
): Promise<Family[]> {
  return (await whyNot(run, trials(6), packages)) === undefined ? [4, 6] : [4];
}

async function whyNotBoth(
  run: Runner,
  trials: (family: Family) => Step[],
  packages: string,
): Promise<string | undefined> {
  const why = await whyNot(run, trials(6), packages);
  return why === undefined ? undefined : `IPv6 sources are not blocked: ${why}`;
}
