import { readFile } from 'node:fs/promises';
import { type Address, type Cidr, NEVER_BLOCKED, type NeverBlockFacts, parseAddress } from '@picket/protocol';
import { createAllowed } from '../../host/allowed.ts';
import { readHostFacts } from '../../host/facts.ts';
import { namesPath } from '../../host/name-file.ts';
import { openNames } from '../../host/names.ts';
import type { Policy } from '../../policy/policy.ts';
import { loadEnrolment } from '../../uplink/enrolment.ts';
import { readFileIfThere } from '../../uplink/state-file.ts';

/** What is never blocked, as far as a host knows it without a network. */
export interface KnownNow {
  readonly facts: NeverBlockFacts;
  /** The same as networks, for the firewall. */
  readonly allow: readonly Cidr[];
  readonly onLink: readonly Cidr[];
}

/**
 * Whom this host protects before it has a network: special networks, addresses that are up already, what the policy,
 * people and the network allow, the resolvers of resolv.conf, and of names what the hosts file says and, of allowed ones,
 * what they were last.
 * The rest is the agent's to correct when it starts.
 */
export async function knownNow(policy: Policy, alsoAllowed: readonly Cidr[]): Promise<KnownNow> {
  const { own, gateways, resolvers, onLink } = await readHostFacts();
  const hosts = await readFile('/etc/hosts', 'utf8').catch(() => '');
  const kept = namesPath(policy.state_dir);
  const names = await openNames({
    ...{ resolve: async () => [], now: Date.now, log: () => {} },
    load: () => readFileIfThere(kept),
  });
  const addressesOf = (name: string) => [...names.addressesOf(name), ...addressesIn(hosts, name)];
  const { sources } = policy.allow;
  const allowed = createAllowed({ sources, scanners: policy.scanner, now: Date.now, names: { addressesOf } });
  const allow = [...allowed(), ...alsoAllowed];
  names.close();
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
