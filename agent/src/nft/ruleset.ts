import type { PortRange, Tier } from '@picket/protocol';
import {
  BLOCK_SETS,
  blockSet,
  KEYS,
  type Key,
  type Origin,
  PROBE_PREFIX,
  TABLE,
  TRIP_PREFIX,
} from './names.ts';

/** What the policy says, as far as the kernel needs it. Durations in ms. */
export interface RulesetPolicy {
  readonly threshold: { readonly ports: number; readonly window: number };
  /** How long the kernel itself holds a source that trips. */
  readonly holdMs: number;
  readonly nflogGroup: number;
  /** Ports that are not counted. */
  readonly ignored: { readonly tcp: readonly PortRange[]; readonly udp: readonly PortRange[] };
  /** Local ephemeral ports: late answers to closed sockets arrive there. */
  readonly ephemeral: PortRange;
  /** Whether the kernel detects too, or only blocks what it is told. */
  readonly detects: boolean;
}

/** Most sources in one set of local blocks, and most shared ones: hash sets of about 150 bytes an element. */
const MAX_LOCAL_BLOCKS = 131_072;
const MAX_SHARED_BLOCKS = 131_072;

/** Most distinct (source, port) pairs, and most sources with a bucket, that the kernel remembers at once. */
const MAX_SEEN = 262_144;
const MAX_RATES = 131_072;

/** Bytes of each probe that are copied to the agent: IPv6, some extension headers and TCP flags fit. */
const SNAPLEN = 128;

/** How long somebody this host wrote to may answer late, s: twice the UDP stream time of conntrack, and some. */
const LATE_ANSWER_S = 120;

/** How long a port that was served is forgiven when its service is down, s. */
const SERVED_S = 3_600;

const WEEK_S = 604_800;

/**
 * Neighbour discovery (RFC 4861) is no connection to conntrack, and without it a neighbour's connections die: ARP, which
 * does the same for IPv4, is not seen by this table at all.
 */
const NEIGHBOURS_PASS =
  'icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } return';

const ADDRESS: Record<Key, string> = {
  4: 'ip saddr',
  64: 'ip6 saddr & ffff:ffff:ffff:ffff::',
  128: 'ip6 saddr',
};

/**
 * The whole table as one nft script. Loading it twice gives the same table: definitions that are there already are
 * kept with their elements, and only the rules are replaced, in one transaction.
 */
export function renderRuleset(policy: RulesetPolicy): string {
  const parts = [...blockSets(), ...dropChains(), ...(policy.detects ? detection(policy) : [])];
  return `add table ${TABLE}\nflush table ${TABLE}\ntable ${TABLE} {\n${parts.map((part) => ` ${part}\n`).join('')}}\n`;
}

/** The script that removes all of it, also when nothing is there. */
export const REMOVAL = `add table ${TABLE}\ndelete table ${TABLE}\n`;

function blockSets(): string[] {
  const blocks = BLOCK_SETS.map(({ origin, tier, key }) => {
    const size = origin === 'local' ? MAX_LOCAL_BLOCKS : MAX_SHARED_BLOCKS;
    // `dynamic` only where packets add: it keeps the bulk sets on the plain hash, which is faster to fill.
    const flags = origin === 'local' ? 'dynamic,timeout' : 'timeout';
    const counter = origin === 'local' ? ' counter;' : '';
    return `set ${blockSet(origin, tier, key)} { type ${typeOf(key)}; size ${size}; flags ${flags};${counter} }`;
  });
  return [
    'set allow4 { type ipv4_addr; flags interval; auto-merge; }',
    'set allow6 { type ipv6_addr; flags interval; auto-merge; }',
    'counter held { }',
    'counter dropped { }',
    ...blocks,
  ];
}

/**
 * Both tiers of blocking. `dropped` comes before conntrack (priority -200) and before every table of the
 * administrator; `held` right after conntrack, since it spares connections that exist. Both tests come after the
 * allow list: allow wins in the kernel, whatever the agent believes.
 */
function dropChains(): string[] {
  return [
    chain('drop_all', [
      'type filter hook prerouting priority -450; policy accept;',
      'iif lo return',
      NEIGHBOURS_PASS,
      ...allowed(),
      ...refuse('dropped'),
    ]),
    chain('drop_new', [
      'type filter hook prerouting priority -190; policy accept;',
      'iif lo return',
      'ct state { established, related } return',
      NEIGHBOURS_PASS,
      ...allowed(),
      ...refuse('held'),
    ]),
  ];
}

function allowed(): string[] {
  return ['ip saddr @allow4 return', 'ip6 saddr @allow6 return'];
}

function refuse(tier: Tier): string[] {
  const origins: readonly Origin[] = ['local', 'shared'];
  return KEYS.flatMap((key) =>
    origins.map((origin) => `${ADDRESS[key]} @${blockSet(origin, tier, key)} counter name ${tier} drop`),
  );
}

/**
 * Detection on input, before every table of the administrator (an accept elsewhere must not blind it, a drop
 * elsewhere must not hide probes). What finds no socket is for an unused port: exact at packet time.
 */
function detection(policy: RulesetPolicy): string[] {
  const windowS = Math.max(1, Math.round(policy.threshold.window / 1000));
  return [
    'set onlink6 { type ipv6_addr; flags interval; auto-merge; }',
    `set served { type inet_proto . inet_service; size 65535; flags dynamic,timeout; timeout ${SERVED_S}s; }`,
    `set wrote4 { type ipv4_addr . inet_service . inet_service; size 65535; flags dynamic,timeout; timeout ${LATE_ANSWER_S}s; }`,
    `set wrote6 { type ipv6_addr . inet_service . inet_service; size 65535; flags dynamic,timeout; timeout ${LATE_ANSWER_S}s; }`,
    ...[4, 6].map(
      (family) =>
        `set seen${family} { type ipv${family}_addr . inet_proto . inet_service; size ${MAX_SEEN}; flags dynamic,timeout; timeout ${windowS}s; }`,
    ),
    ...[4, 6].map(
      (family) =>
        `set rate${family} { type ipv${family}_addr; size ${MAX_RATES}; flags dynamic,timeout; timeout ${windowS}s; }`,
    ),
    'counter probes { }',
    'counter trips { }',
    ...KEYS.flatMap((key) => counting(policy, key)),
    chain('probe', [
      ...allowed(),
      ...ignore('tcp', policy.ignored.tcp),
      ...ignore('udp', policy.ignored.udp),
      'meta nfproto ipv4 goto probe4',
      'ip6 saddr @onlink6 goto probe128',
      'goto probe64',
    ]),
    // A service that restarts has no socket for a moment: its clients are no scanners.
    chain('unused', ['meta l4proto . th dport @served return', 'goto probe']),
    // The update is a rule of its own: one that fails for want of room must not make a probe of a client.
    chain('in_use', ['update @served { meta l4proto . th dport }']),
    // No TCP stack sends these flags; with a socket in reach only conntrack can say that no connection is behind them.
    chain('odd_flags', [
      'socket transparent { 0, 1 } ct state { established, related } return',
      'goto probe',
    ]),
    chain('syn', ['socket transparent { 0, 1 } goto in_use', 'goto unused']),
    chain('tcp_in', [
      'tcp flags & (fin|syn|rst|psh|ack|urg) == syn goto syn',
      'tcp flags & (syn|rst|ack) != 0x0 return',
      'tcp flags & (fin|psh|urg) == { 0x0, fin, fin|psh|urg } goto odd_flags',
    ]),
    chain('udp_in', [
      'ct state { established, related } return',
      'socket transparent { 0, 1 } goto in_use',
      `udp dport ${policy.ephemeral[0]}-${policy.ephemeral[1]} return`,
      'ip saddr . udp sport . udp dport @wrote4 return',
      'ip6 saddr . udp sport . udp dport @wrote6 return',
      'goto unused',
    ]),
    chain('detect', [
      'type filter hook input priority -350; policy accept;',
      'iif lo return',
      'meta pkttype != host return',
      'meta l4proto vmap { tcp : goto tcp_in, udp : goto udp_in }',
    ]),
    // Whom this host wrote to may answer after conntrack forgot: from that port to that port, and nothing else, so that
    // an answer of a service of this host makes nobody immune. Low ports are left out, since servers write much.
    chain('wrote', [
      'type filter hook output priority 300; policy accept;',
      'oif lo return',
      'meta l4proto != udp return',
      'udp sport < 1024 return',
      'update @wrote4 { ip daddr . udp dport . udp sport }',
      'update @wrote6 { ip6 daddr . udp dport . udp sport }',
    ]),
  ];
}

/** Distinct ports into `seen`, their rate into `rate`, and over the threshold the source into `held`, at once. */
function counting(policy: RulesetPolicy, key: Key): string[] {
  const { ports, window } = policy.threshold;
  const family = key === '4' ? 4 : 6;
  const address = ADDRESS[key];
  const pair = `${address} . meta l4proto . th dport`;
  const log = (prefix: string) =>
    `log prefix "${prefix}" group ${policy.nflogGroup} snaplen ${SNAPLEN} queue-threshold 1`;
  // nft_limit holds `burst` tokens and refills `rate` of them in the unit; a week keeps the rounding below 1 %.
  const perWeek = Math.max(1, Math.round(((ports - 1) * WEEK_S * 1000) / window));
  const over =
    ports === 1
      ? `goto trip${key}`
      : `update @rate${family} { ${address} limit rate over ${perWeek}/week burst ${ports - 1} packets } goto trip${key}`;
  return [
    // Without a counter of the trip log, a full set would still drop: the verdict is a rule of its own.
    chain(`trip${key}`, [
      `add @${blockSet('local', 'held', key)} { ${address} timeout ${Math.round(policy.holdMs / 1000)}s } counter name trips ${log(TRIP_PREFIX)}`,
      'drop',
    ]),
    chain(`probe${key}`, [
      `${pair} @seen${family} return`,
      `add @seen${family} { ${pair} } counter name probes ${log(PROBE_PREFIX)}`,
      // A pair that found no room in a full set would count again with each packet: then rather nobody is counted.
      `${pair} != @seen${family} return`,
      over,
    ]),
  ];
}

function ignore(transport: 'tcp' | 'udp', ranges: readonly PortRange[]): string[] {
  if (ranges.length === 0) return [];
  const elements = ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(', ');
  return [`${transport} dport { ${elements} } return`];
}

function typeOf(key: Key): string {
  return key === '4' ? 'ipv4_addr' : 'ipv6_addr';
}

function chain(name: string, rules: readonly string[]): string {
  return `chain ${name} {\n${rules.map((rule) => `  ${rule}\n`).join('')} }`;
}
