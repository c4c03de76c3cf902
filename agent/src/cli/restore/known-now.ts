import { readFile } from 'node:fs/promises';
import { type Address, type Cidr, NEVER_BLOCKED, type NeverBlockFacts, parseAddress } from '@picket/protocol';
import { createAllowed } from '../../host/allowed.ts';
import { readHostFacts } from '../../host/facts.ts';
import type { Policy } from '../../policy/policy.ts';
import { loadEnrolment } from '../../uplink/enrolment.ts';

/** What is never blocked, as far as a host knows it without a network. */
export interface KnownNow {
  readonly facts: NeverBlockFacts;
  /** The same as networks, for the firewall. */
  readonly allow: readonly Cidr[];
  readonly onLink: readonly Cidr[];
}

/**
 * Whom this host protects before it has a network: special networks, addresses that are up already, what the policy and
 * the network allow, the resolvers of resolv.conf, and of names (allowed ones, the collector's) what the hosts file says.
 * The rest is the agent's to correct when it starts.
 */
export async function knownNow(policy: Policy, networkAllow: readonly Cidr[]): Promise<KnownNow> {
  const { own, gateways, resolvers, onLink } = await readHostFacts();
  const hosts = await readFile('/etc/hosts', 'utf8').catch(() => '');
  const allowed = createAllowed({
    ...{ sources: policy.allow.sources, scanners: policy.scanner, now: Date.now, log: () => {} },
    resolve: async (name) => addressesIn(hosts, name),
  });
  const allow = [...(await allowed()), ...networkAllow];
  const collectors = await collectorIn(policy.state_dir, hosts);
  const facts = { own, gateways, resolvers, collectors, allow };
  const networks = [...NEVER_BLOCKED, ...own, ...gateways, ...resolvers, ...collectors, ...allow];
  return { facts, allow: [...new Set(networks)].sort(), onLink };
}

/** Addresses that a hosts file has for a name (hosts(5)). */
export function addressesIn(hosts: string, name: string): Address[] {
  const wanted = name.toLowerCase();
  const found = hosts.split('\n').flatMap((line) => {
    const [address = '', ...names] = (line.split('#')[0] ?? '').trim().split(/\s+/);
    const isNamed = names.some((one) => one.toLowerCase() === wanted);
    return isNamed ? (parseAddress(address.split('%')[0] ?? '') ?? []) : [];
  });
  return [...new Set(found)];
}

async function collectorIn(stateDir: string, hosts: string): Promise<readonly Address[]> {
  // A damaged enrolment is told where the network's list is read.
  const enrolment = await loadEnrolment(stateDir).catch(() => undefined);
  if (enrolment === undefined) return [];
  const name = new URL(enrolment.url).hostname.replace(/^\[|\]$/g, '');
  const literal = parseAddress(name);
  return literal === undefined ? addressesIn(hosts, name) : [literal];
}
