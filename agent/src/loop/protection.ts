import {
  type Address,
  type Cidr,
  NEVER_BLOCKED,
  type NeverBlockFacts,
  type NeverBlockReason,
  NO_FACTS,
  neverBlockRule,
  type Source,
  sourceOf,
} from '@picket/protocol';
import type { AgentDeps } from '../agent-port.ts';
import type { HostFacts } from '../host/facts.ts';

/** Whom this host never blocks, and how sources are counted on it. */
export interface Protection {
  /** What the host knows of itself, as of the last refresh. */
  readonly facts: HostFacts;
  never(): NeverBlockFacts;
  /** Why a source is never blocked. */
  reason(source: Source): NeverBlockReason | undefined;
  isAllowedByNetwork(source: Source): boolean;
  /** Whether an address is one of the network's other hosts. */
  isSibling(address: Address): boolean;
  setNetworkAllow(allow: readonly Cidr[], hosts: readonly Cidr[]): void;
  /** Reads all again and puts it in force. */
  refresh(): Promise<void>;
  /** Puts in force what changed but for what a refresh reads. */
  apply(): void;
}

/** Addresses that nobody blocks anyway, such as loopback's, are no part of anybody's /64. */
const isSpecial = neverBlockRule(NO_FACTS);

/** Nothing is known before the first refresh but the networks that nobody blocks. */
export function createProtection(deps: AgentDeps): Protection {
  const { policy, engine, keeper, allowances } = deps;
  const countsLoopback = policy.lab.loopback_sources;
  let facts: HostFacts = { own: [], gateways: [], resolvers: [], onLink: [] };
  let collectors: NeverBlockFacts['collectors'] = [];
  let sessions: NeverBlockFacts['own'] = [];
  /** Addresses of the network's own hosts. */
  let siblings: ReadonlySet<Cidr> = new Set();
  let [policyAllow, networkAllow]: [readonly Cidr[], readonly Cidr[]] = [[], []];
  const never = (): NeverBlockFacts => {
    const { own, gateways, resolvers } = facts;
    const forAWhile = allowances.list().map(({ network }) => network);
    const allow = [...policyAllow, ...networkAllow, ...forAWhile];
    return { own, gateways, resolvers, collectors, sessions, allow };
  };
  let ruleOut = neverBlockRule(never());
  let ofNetwork = neverBlockRule(NO_FACTS);
  const apply = (): void => {
    ruleOut = neverBlockRule(never());
    ofNetwork = neverBlockRule({ ...NO_FACTS, allow: networkAllow });
    const { own, gateways, resolvers, allow } = never();
    const named = [...NEVER_BLOCKED, ...own, ...gateways, ...resolvers, ...collectors, ...sessions, ...allow];
    const all = named.filter((network) => !countsLoopback || isSpecial(network) !== 'loopback');
    const others = [...siblings].filter((address) => !own.includes(address));
    // An IPv6 source is a /64: whoever has one protected address in it must not be held by the others.
    const whole = all.map((each) =>
      each.includes('/') || isSpecial(each) !== undefined ? each : sourceOf(each, facts.onLink),
    );
    keeper.setNetworks({ allow: [...new Set(whole)].sort(), onLink: facts.onLink, siblings: others });
  };
  return {
    get facts() {
      return facts;
    },
    never,
    reason(source) {
      const reason = ruleOut(source);
      return reason === 'loopback' && countsLoopback ? undefined : reason;
    },
    isAllowedByNetwork: (source) => ofNetwork(source) === 'allow list',
    isSibling: (address) => siblings.has(address) && !facts.own.includes(address),
    setNetworkAllow(allow, hosts) {
      [networkAllow, siblings] = [allow, new Set(hosts)];
      apply();
    },
    async refresh() {
      [facts, collectors, policyAllow, sessions] = await Promise.all([
        deps.readFacts(),
        deps.collectors(),
        deps.allowed(),
        deps.sessions(),
      ]);
      engine.setAddresses(facts.own);
      apply();
    },
    apply,
  };
}
