import type { PortRange } from '@picket/protocol';
import { ADDRESS, CLIENT_PROBE_PREFIX, chain, familyOfKey, KEYS, type Key, PROBE_PREFIX } from './names.ts';
import type { RulesetPolicy } from './ruleset-policy.ts';
import { log } from './tripping.ts';

/**
 * Most distinct contacts that the kernel remembers at once, and most sources with a bucket, of each kind. A contact takes
 * up to 400 bytes, a bucket 100 (measured as kernel memory, Linux 6.18), so that all sets of evidence of both families
 * stay under 350 MB if a flood filled them all. Usually they hold hundreds, and the agent makes room long before: see room.ts.
 */
const SIZES = {
  ...{ seen: 131_072, wseen: 65_536, pseen: 65_536 },
  ...{ rate: 131_072, crate: 65_536, wrate: 65_536, suspect: 131_072 },
} as const;

/** From this many contacts on room is made. The rest is for what comes before the agent knows. */
export const ROOM_AT = 49_152;

/**
 * Most clients remembered: beyond it a new one counts as an ordinary source, and those that are known stay. It takes a
 * connection with data from as many addresses to fill the set, which nobody can do with forged packets.
 */
const MAX_CLIENTS = 65_536;

const WEEK_S = 604_800;

/** Sets in which evidence is kept, one of each for each address family. Clients are not: they must outlive each flood. */
export const EVIDENCE_SETS = Object.keys(SIZES) as (keyof typeof SIZES)[];

/** Sets of evidence, one of each for each family. Elements end with the window. */
export function evidenceSets({ evidence }: RulesetPolicy): string[] {
  const windowS = Math.max(1, Math.round(evidence.threshold.window / 1000));
  return ([4, 6] as const).flatMap((family) => {
    const address = `ipv${family}_addr`;
    const set = (name: string, type: string, size: number) =>
      `set ${name}${family} { type ${type}; size ${size}; flags dynamic,timeout; timeout ${windowS}s; }`;
    const contact = `${address} . inet_proto . inet_service . ${address}`;
    return [
      set('seen', contact, SIZES.seen),
      set('wseen', contact, SIZES.wseen),
      set('pseen', `${address} . inet_proto . ${address}`, SIZES.pseen),
      ...(['rate', 'crate', 'wrate', 'suspect'] as const).map((name) => set(name, address, SIZES[name])),
      set('client', address, MAX_CLIENTS),
    ];
  });
}

/**
 * The chains that count one kind of key: distinct contacts into a `seen` set, their rate into a bucket, and over the
 * threshold the source goes to the chain `trip`. The same as `observe` of detect/track.ts:
 *
 * - `count`: an ordinary contact makes the source a suspect, and takes from the bucket of an ordinary source or of a client;
 * - `weak`: a weak contact does the same once the source is a suspect, and else takes from the bucket of weak evidence;
 * - `protocol`: as `count`, for IP protocols, which have no ports.
 */
export function countingChains(policy: RulesetPolicy): string[] {
  return KEYS.flatMap((key) => chainsOf(policy, key));
}

function chainsOf(policy: RulesetPolicy, key: Key): string[] {
  const [family, address] = [familyOfKey(key), ADDRESS[key]];
  const local = family === 4 ? 'ip daddr' : 'ip6 daddr';
  const { ports, client_ports, weak_ports } = policy.evidence.threshold;
  const over = (bucket: string, size: number) => overThreshold({ policy, key, bucket, size });
  const contact = `${address} . meta l4proto . th dport . ${local}`;
  const tripwires = tripwireRules(policy, key);
  return [
    chain(`weigh${key}`, [`${address} @client${family} goto client${key}`, over('rate', ports)]),
    chain(`client${key}`, [over('crate', client_ports)]),
    chain(`count${key}`, [
      ...distinct(policy, key, `seen${family}`, contact),
      `update @suspect${family} { ${address} }`,
      ...tripwires,
      `goto weigh${key}`,
    ]),
    chain(`weak${key}`, [
      ...distinct(policy, key, `wseen${family}`, contact),
      ...tripwires,
      `${address} @suspect${family} goto weigh${key}`,
      over('wrate', weak_ports),
    ]),
    chain(`protocol${key}`, [
      ...distinct(policy, key, `pseen${family}`, `${address} . meta l4proto . ${local}`),
      `update @suspect${family} { ${address} }`,
      `goto weigh${key}`,
    ]),
  ];
}

/** Only a contact that is not known yet goes on, and is told, with the word whether it is a client's. */
function distinct(policy: RulesetPolicy, key: Key, set: string, contact: string): string[] {
  const [address, clients] = [ADDRESS[key], `@client${familyOfKey(key)}`];
  const told = `add @${set} { ${contact} } counter name probes`;
  return [
    `${contact} @${set} return`,
    `${address} ${clients} ${told} ${log(policy, CLIENT_PROBE_PREFIX)}`,
    `${address} != ${clients} ${told} ${log(policy, PROBE_PREFIX)}`,
    // A contact that found no room in a full set would count again with each packet: then rather nobody is counted.
    `${contact} != @${set} return`,
  ];
}

/** A bucket of so many tokens, all of which come back in one window. */
export function bucketLimit({ evidence }: RulesetPolicy, tokens: number): string {
  // nft_limit refills `rate` tokens in the unit; a week keeps the rounding below 1 %.
  const perWeek = Math.max(1, Math.round((tokens * WEEK_S * 1000) / evidence.threshold.window));
  return `limit rate over ${perWeek}/week burst ${tokens} packets`;
}

function overThreshold({
  policy,
  key,
  bucket,
  size,
}: {
  policy: RulesetPolicy;
  key: Key;
  bucket: string;
  size: number;
}): string {
  if (size === 1) return `goto trip${key}`;
  const limit = bucketLimit(policy, size - 1);
  return `update @${bucket}${familyOfKey(key)} { ${ADDRESS[key]} ${limit} } goto trip${key}`;
}

function tripwireRules({ evidence }: RulesetPolicy, key: Key): string[] {
  return (['tcp', 'udp'] as const).flatMap((transport) => {
    const ports = evidence.tripwires[transport] ?? [];
    return ports.length === 0 ? [] : [`${transport} dport ${portSet(ports)} goto trip${key}`];
  });
}

/** From so many on a set is made one of intervals. */
const MANY_PORTS = 256;

/**
 * An anonymous set of ports or protocols. One that is written as a range makes the whole set one of intervals: 32,768
 * single ports nft 1.0.6 reads in 0.2 s then, and in 4.8 s as single values.
 */
export function portSet(ranges: readonly PortRange[]): string {
  const first = ranges.length < MANY_PORTS ? -1 : 0;
  const texts = ranges.map(([from, to], i) => (from === to && i !== first ? `${from}` : `${from}-${to}`));
  return `{ ${texts.join(', ')} }`;
}
