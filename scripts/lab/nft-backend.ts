import { RULESET_POLICY } from '@picket/agent/firewall/contract';
import type { Firewall } from '@picket/agent/firewall/firewall';
import { createNftables } from '@picket/agent/firewall/nftables';
import type { RulesetPolicy } from '@picket/agent/nft/ruleset-policy';
import { createNftSession, type NftSession } from '@picket/agent/run/nft-session';
import type { Lab } from './lab.ts';

/** The nftables backend of a node, as the agent has it: with an nft that stays. */
export interface NftBackend {
  readonly firewall: Firewall;
  readonly session: NftSession;
  /** What it said to the log. */
  readonly said: string[];
}

/** Runs the backend on a node of the lab. */
export function nftBackend(
  lab: Lab,
  node: string,
  policy: Partial<RulesetPolicy> = {},
  said: string[] = [],
): NftBackend {
  const log = (message: string) => void said.push(message);
  const session = createNftSession({ prefix: ['ip', 'netns', 'exec', lab.namespace(node)], log });
  const ruleset = { ...RULESET_POLICY, ...policy };
  const firewall = createNftables({ run: session.run, session, now: Date.now, policy: ruleset, log });
  return { firewall, session, said };
}
