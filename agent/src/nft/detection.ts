import { countingChains, evidenceSets, portSet } from './counting.ts';
import { ALLOWED, chain, SIBLING_PREFIX } from './names.ts';
import type { RulesetPolicy } from './ruleset-policy.ts';
import { log, silenceRules, TRIPPING_SETS, trippingChains } from './tripping.ts';

/** How long somebody this host wrote to may answer late, s: twice the UDP stream time of conntrack, and some. */
const LATE_ANSWER_S = 120;

/** How long a port that was served is forgiven when its service is down, s. */
const SERVED_S = 3_600;

/** Most (address, protocol, port, port) pairs that this host wrote to remembered for late answers. */
const MAX_WROTE = 65_535;

/** How many probes of the network's own hosts are told: they are never counted here, and a few show what goes on. */
const TOLD_SIBLINGS = 'limit rate 10/second burst 20 packets';

const HAS_SOCKET = 'socket transparent { 0, 1 }';
const IS_CONNECTED = 'ct state { established, related }';

/** What an answer would come from: the other side, its port, and the port here. */
const ANSWERS = [
  'ip saddr . meta l4proto . th sport . th dport @wrote4 return',
  'ip6 saddr . meta l4proto . th sport . th dport @wrote6 return',
];

/**
 * Detection on input, before every table of the administrator (an accept elsewhere must not blind it, a drop
 * elsewhere must not hide probes). What finds no socket is for an unused port: exact at packet time.
 *
 * @param enforce false: probes are counted and told, nothing is dropped
 */
export function detectionChains(policy: RulesetPolicy, enforce: boolean): string[] {
  return [
    'set onlink6 { type ipv6_addr; flags interval; auto-merge; }',
    ...[4, 6].map((family) => `set sibling${family} { type ipv${family}_addr; flags interval; auto-merge; }`),
    'set open_more { type inet_proto . inet_service; size 16384; }',
    `set served { type inet_proto . inet_service; size 65535; flags dynamic,timeout; timeout ${SERVED_S}s; }`,
    ...[4, 6].map(
      (family) =>
        `set wrote${family} { type ipv${family}_addr . inet_proto . inet_service . inet_service; size ${MAX_WROTE}; flags dynamic,timeout; timeout ${LATE_ANSWER_S}s; }`,
    ),
    ...evidenceSets(policy),
    'counter probes { }',
    ...TRIPPING_SETS,
    ...trippingChains(policy, enforce),
    ...countingChains(policy),
    ...probeChains(policy, enforce),
    ...tcpChains(policy),
    ...otherChains(policy, enforce),
    entryChain(policy),
    ...outputChains(policy),
  ];
}

/** Where a packet goes that is a probe: not from an allowed source, not to an ignored port, then counted by its key. */
function probeChains(policy: RulesetPolicy, enforce: boolean): string[] {
  const { ignored, isSilent } = policy;
  const ignoredPorts = (['tcp', 'udp', 'sctp'] as const).flatMap((transport) =>
    ignored[transport].length === 0 ? [] : [`${transport} dport ${portSet(ignored[transport])} return`],
  );
  const siblings = ['ip saddr @sibling4 goto sibling', 'ip6 saddr @sibling6 goto sibling'];
  const kinds = { probe: 'count', probe_weak: 'weak', probe_ip: 'protocol' };
  const chains = Object.entries(kinds).flatMap(([name, count]) => [
    chain(`${count}_by_key`, [
      `meta nfproto ipv4 goto ${count}4`,
      `ip6 saddr @onlink6 goto ${count}128`,
      `goto ${count}64`,
    ]),
    chain(name, [
      ...(name === 'probe' ? siblings : []),
      ...ALLOWED,
      ...silenceRules(policy, enforce),
      ...(name === 'probe_ip' ? [] : ignoredPorts),
      `jump ${count}_by_key`,
      ...(isSilent && enforce ? ['drop'] : []),
    ]),
  ]);
  return [chain('sibling', [...ignoredPorts, `${TOLD_SIBLINGS} ${log(policy, SIBLING_PREFIX)}`]), ...chains];
}

function tcpChains({ ephemeral }: RulesetPolicy): string[] {
  return [
    // What has no socket that nft finds here, and is served all the same, the agent names: see kernel-open.ts. A service
    // that restarts has no socket for a moment: its clients are no scanners. What conntrack takes for invalid, a SYN or a
    // datagram with a wrong checksum, asks for nothing, since the host drops it.
    chain('unused', [
      'meta l4proto { tcp, udp } ct state invalid return',
      'meta l4proto . th dport @open_more goto in_use',
      'meta l4proto . th dport @served return',
      'goto probe',
    ]),
    // The update is a rule of its own: one that fails for want of room must not make a probe of a client.
    chain('in_use', ['update @served { meta l4proto . th dport }']),
    // No TCP stack sends these flags; with a socket in reach only conntrack can say that no connection is behind them.
    chain('odd_flags', [`${HAS_SOCKET} ${IS_CONNECTED} return`, 'goto probe']),
    chain('syn', [`${HAS_SOCKET} goto in_use`, 'goto unused']),
    // Who really talks with a service of this host is a client: its mistakes weigh less. Blind forgery does not get
    // there: conntrack takes segments outside the window for invalid, and one side alone assures nothing.
    chain('from_peer', [
      'tcp flags & (fin|psh) == 0x0 return',
      'ct direction reply return',
      'ct status & assured == 0x0 return',
      'meta nfproto ipv4 update @client4 { ip saddr } return',
      'ip6 saddr @onlink6 update @client6 { ip6 saddr } return',
      'update @client6 { ip6 saddr & ffff:ffff:ffff:ffff:: }',
    ]),
    // ACK, window and Maimon scans look like late packets of a connection that everybody has forgotten.
    chain('acks', [
      `${IS_CONNECTED} goto from_peer`,
      `${HAS_SOCKET} return`,
      `tcp dport ${ephemeral[0]}-${ephemeral[1]} return`,
      'meta l4proto . th dport @open_more return',
      'meta l4proto . th dport @served return',
      ...ANSWERS,
      'goto probe_weak',
    ]),
    chain('tcp_in', [
      'tcp flags & (syn|rst|ack) == ack goto acks',
      'tcp flags & (fin|syn|rst|ack) == syn goto syn',
      // RST, and SYN with ACK, answer something: backscatter of floods forged in this host's name is no scan.
      'tcp flags & (syn|rst) == rst return',
      'tcp flags & (fin|syn|rst) == syn return',
      'goto odd_flags',
    ]),
  ];
}

function otherChains(policy: RulesetPolicy, enforce: boolean): string[] {
  const { ephemeral, ignored } = policy;
  return [
    chain('udp_in', [
      `${IS_CONNECTED} return`,
      `${HAS_SOCKET} goto in_use`,
      // What is not counted for looking like a late answer would still say which ports are closed.
      ...silenceRules(policy, enforce),
      `udp dport ${ephemeral[0]}-${ephemeral[1]} return`,
      ...ANSWERS,
      'goto unused',
    ]),
    // INIT and COOKIE-ECHO begin an association (RFC 9260 section 3.2), other chunks belong to one.
    chain('sctp_in', [`${IS_CONNECTED} return`, '@th,96,8 != { 1, 10 } return', 'goto unused']),
    chain('ip_in', [
      ...(ignored.ip.length === 0 ? [] : [`meta l4proto ${portSet(ignored.ip)} return`]),
      `${IS_CONNECTED} return`,
      'goto probe_ip',
    ]),
  ];
}

function entryChain({ ignoredInterfaces }: RulesetPolicy): string {
  const names = ignoredInterfaces.map((name) => `"${name}"`).join(', ');
  return chain('detect', [
    'type filter hook input priority -350; policy accept;',
    'iif lo return',
    'meta pkttype != host return',
    ...(ignoredInterfaces.length === 0 ? [] : [`iifname { ${names} } return`]),
    'meta l4proto vmap { tcp : goto tcp_in, udp : goto udp_in, sctp : goto sctp_in }',
    'goto ip_in',
  ]);
}

/**
 * Whom this host wrote to may answer after conntrack forgot: from that port to that port, and nothing else, so that an
 * answer of a service of this host makes nobody immune. Low ports are left out, since servers write much, and of TCP the
 * ephemeral ones, which weak evidence leaves out anyway. A RST for a closed port has no process: it is no word of ours.
 */
function outputChains({ ephemeral }: RulesetPolicy): string[] {
  return [
    chain('wrote', [
      'type filter hook output priority 300; policy accept;',
      'oif lo return',
      'meta l4proto vmap { tcp : goto wrote_tcp, udp : goto wrote_udp }',
      // An INIT ACK (chunk 2) shows a service that the agent does not know of yet.
      'meta l4proto sctp @th,96,8 2 update @served { meta l4proto . th sport }',
    ]),
    chain('wrote_udp', ['udp sport < 1024 return', 'goto remember']),
    chain('wrote_tcp', [
      'tcp flags & (fin|syn|rst) == 0x0 return',
      'tcp sport < 1024 return',
      `tcp sport ${ephemeral[0]}-${ephemeral[1]} return`,
      'tcp flags & rst == rst meta skuid 0-4294967294 goto remember',
      'tcp flags & rst == rst return',
      'goto remember',
    ]),
    chain('remember', [
      'update @wrote4 { ip daddr . meta l4proto . th dport . th sport }',
      'update @wrote6 { ip6 daddr . meta l4proto . th dport . th sport }',
    ]),
  ];
}
