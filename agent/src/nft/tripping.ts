import {
  ADDRESS,
  ALLOWED,
  blockSet,
  CLIENT_PREFIX,
  chain,
  familyOfKey,
  KEYS,
  type Key,
  LIMIT_PREFIX,
  TABLE,
  TRIP_PREFIX,
} from './names.ts';
import type { RulesetPolicy } from './ruleset-policy.ts';

/**
 * Most clients that are muted at once: as many as are remembered, so that a flood in the names of all of them leaves none
 * over. One that finds no room all the same is let go, never held.
 */
const MAX_MUTED = 65_536;

/** Bytes of each probe that are copied to the agent: IPv6, some extension headers and TCP flags fit. */
const SNAPLEN = 128;

/**
 * How many trips over the limit are told. One a second keeps the agent knowing that blocking is limited; ten show whose
 * names are forged, and are nothing beside the probes. All are counted (counter `limited`).
 */
const TOLD_LIMITED = 'limit rate 10/second burst 20 packets';

/** How many probes of muted clients are told. */
const TOLD_AGAIN = 'limit rate 1/second burst 5 packets';

/** Sets of clients that forgeable evidence made trip: their probes get no answer, all else goes on. */
const MUTED_SETS = ([4, 6] as const).map(
  (family) => `muted${family} { type ipv${family}_addr; size ${MAX_MUTED}; flags dynamic,timeout; counter; }`,
);

/** Definitions for the table: sets and counters of what becomes of who trips. */
export const TRIPPING_SETS = [
  ...MUTED_SETS.map((set) => `set ${set}`),
  ...['trips', 'muted', 'limited'].map((name) => `counter ${name} { }`),
];

/** Script lines after which nobody is muted, whatever made the table. */
export const unmuteAll = (): string[] => [
  ...MUTED_SETS.map((set) => `add set ${TABLE} ${set}`),
  ...MUTED_SETS.map((set) => `flush set ${TABLE} ${set.split(' ')[0]}`),
];

/**
 * What becomes of a source over the threshold. All the kernel sees can be forged in anybody's name, so:
 *
 * - a client is muted, for as long as others are held: a forger costs it nothing, a scanner learns nothing more;
 * - others are held, but so many new ones a minute only: one limit over all keys, since a forger has addresses of each.
 *   Over it nobody is, until tokens came back: a scanner that goes on is held then.
 *
 * The limit is part of a rule, and whole again when the table is loaded anew (start, change of mode): a named one would
 * keep its old rate when the policy changes. The same as detect/permit.ts.
 */
export function trippingChains(policy: RulesetPolicy, enforce: boolean): string[] {
  const { evidence, new_per_minute } = policy.permit;
  const limit = `limit rate over ${new_per_minute}/minute burst ${new_per_minute} packets goto limited`;
  return [
    chain('limited', [`counter name limited ${TOLD_LIMITED} ${log(policy, LIMIT_PREFIX)}`]),
    ...KEYS.flatMap((key) => [
      muteChain(policy, key, enforce),
      holdChain(policy, key, enforce),
      tripChain(policy, key, enforce),
    ]),
    chain('trip', [
      ...(evidence === 'any-but-limited' ? [limit] : []),
      ...(evidence === 'handshake'
        ? ['goto limited']
        : ['meta nfproto ipv4 goto hold4', 'ip6 saddr @onlink6 goto hold128', 'goto hold64']),
    ]),
    ...(sparesClients(policy) ? silenceChains(policy) : []),
  ];
}

/** Rules that go before all that lets a packet for an unused port be answered. */
export function silenceRules(policy: RulesetPolicy, enforce: boolean): string[] {
  return sparesClients(policy) && enforce ? ['jump silence'] : [];
}

const sparesClients = ({ permit }: RulesetPolicy): boolean => permit.clients === 'handshake';

function tripChain(policy: RulesetPolicy, key: Key, enforce: boolean): string {
  const address = ADDRESS[key];
  return chain(`trip${key}`, [
    // A source that is held for show only goes on to be seen: it trips once.
    ...(enforce ? [] : [`${address} @${blockSet('local', 'held', key)} return`]),
    ...(sparesClients(policy) ? [`${address} @client${familyOfKey(key)} goto mute${key}`] : []),
    'goto trip',
  ]);
}

function holdChain(policy: RulesetPolicy, key: Key, enforce: boolean): string {
  const element = `${ADDRESS[key]} timeout ${holdS(policy)}s`;
  return chain(`hold${key}`, [
    // Without a counter of the trip log, a full set would still drop: the verdict is a rule of its own.
    `add @${blockSet('local', 'held', key)} { ${element} } counter name trips ${log(policy, TRIP_PREFIX)}`,
    ...(enforce ? ['drop'] : []),
  ]);
}

function muteChain(policy: RulesetPolicy, key: Key, enforce: boolean): string {
  const [address, set] = [ADDRESS[key], `muted${familyOfKey(key)}`];
  return chain(`mute${key}`, [
    `${address} @${set} return`,
    `add @${set} { ${address} timeout ${holdS(policy)}s } counter name muted ${log(policy, CLIENT_PREFIX)}`,
    ...(enforce ? ['drop'] : []),
  ]);
}

/**
 * Leaves probes of muted clients without an answer. Whom the agent has allowed since is answered again. That a client was
 * muted may get lost in a flood: so it is told again while its probes go on.
 */
function silenceChains(policy: RulesetPolicy): string[] {
  return [
    chain('unanswered', [`${TOLD_AGAIN} ${log(policy, CLIENT_PREFIX)}`, 'drop']),
    chain('silence', [
      ...ALLOWED,
      `${ADDRESS[4]} @muted4 goto unanswered`,
      `ip6 saddr @onlink6 ${ADDRESS[128]} @muted6 goto unanswered`,
      'ip6 saddr @onlink6 return',
      `${ADDRESS[64]} @muted6 goto unanswered`,
    ]),
  ];
}

const holdS = ({ holdMs }: RulesetPolicy): number => Math.round(holdMs / 1000);

/** Tells the agent of a packet. */
export function log({ nflogGroup }: RulesetPolicy, prefix: string): string {
  return `log prefix "${prefix}" group ${nflogGroup} snaplen ${SNAPLEN} queue-threshold 1`;
}
