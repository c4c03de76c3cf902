import {
  type Cidr,
  NEVER_BLOCKED,
  type NeverBlockFacts,
  type NeverBlockReason,
  NO_FACTS,
  neverBlockRule,
  type Source,
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
  setNetworkAllow(allow: readonly Cidr[]): void;
  /** Reads all again and puts it in force. */
  refresh(): Promise<void>;
  /** Puts in force what changed but for what a refresh reads. */
  apply(): void;
}

/** Nothing is known before the first refresh but the networks that nobody blocks. */
export function createProtection(deps: AgentDeps): Protection {
  const { policy, engine, keeper, allowances } = deps;
  let facts: HostFacts = { own: [], gateways: [], resolvers: [], onLink: [] };
  let collectors: NeverBlockFacts['collectors'] = [];
  let [policyAllow, networkAllow]: [readonly Cidr[], readonly Cidr[]] = [[], []];
  const never = (): NeverBlockFacts => {
    const { own, gateways, resolvers } = facts;
    const forAWhile = allowances.list().map(({ network }) => network);
    return { own, gateways, resolvers, collectors, allow: [...policyAllow, ...networkAllow, ...forAWhile] };
  };
  let ruleOut = neverBlockRule(never());
  let ofNetwork = neverBlockRule(NO_FACTS);
  const apply = (): void => {
    ruleOut = neverBlockRule(never());
    ofNetwork = neverBlockRule({ ...NO_FACTS, allow: networkAllow });
    const { own, gateways, resolvers, allow } = never();
    keeper.setNetworks(
      [...new Set([...NEVER_BLOCKED, ...own, ...gateways, ...resolvers, ...collectors, ...allow])].sort(),
      facts.onLink,
    );
  };
  return {
    get facts() {
      return facts;
    },
    never,
    reason(source) {
      const reason = ruleOut(source);
      return reason === 'loopback' && policy.lab.loopback_sources ? undefined : reason;
    },
    isAllowedByNetwork: (source) => ofNetwork(source) === 'allow list',
    setNetworkAllow(allow) {
      networkAllow = allow;
      apply();
    },
    async refresh() {
      [facts, collectors, policyAllow] = await Promise.all([
        deps.readFacts(),
        deps.collectors(),
        deps.allowed(),
      ]);
      engine.setAddresses(facts.own);
      apply();
    },
    apply,
  };
}
