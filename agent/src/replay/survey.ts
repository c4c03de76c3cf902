import type { Address } from '@picket/protocol';
import type { Packet } from '../decode/packet.ts';
import { answerOf } from '../detect/gate/answer.ts';
import type { Listeners } from '../detect/gate/listeners.ts';
import { tupleIn, tupleKey, tupleOut } from '../detect/gate/tuple.ts';
import { TCP_FLAG } from '../detect/technique.ts';

/** What a capture itself shows of the host that it was made on. */
export interface Findings {
  readonly own: readonly Address[];
  /** How the addresses were found, for people. */
  readonly how: string;
  /** Ports that served somebody. */
  readonly open: Listeners;
}

/** A first look at a capture. */
export interface Survey {
  see(packet: Packet): void;
  /** @param given own addresses that are known better */
  findings(given?: readonly Address[]): Findings;
}

/**
 * Most addresses, pairs of addresses, ports and UDP talks remembered; later ones are passed over. Some 50 MB in the worst
 * case; what the host is shows long before.
 */
const MOST = 65_536;

/** A survey of nothing yet. */
export function createSurvey(): Survey {
  const partners = new Map<Address, Set<Address>>();
  /** Addresses that the link layer names as own, that refused somebody, and to which packets went. */
  const [linked, refused, reached] = [count(), count(), count()];
  /** Answers that an address got: of services, and refusals. */
  const [pleased, rejected] = [count(), count()];
  const served = new Set<string>();
  const asked = new Set<string>();
  let pairs = 0;

  const pair = (one: Address, other: Address): void => {
    const known = partners.get(one);
    if (pairs >= MOST || known?.has(other) === true) return;
    pairs++;
    if (known === undefined) partners.set(one, new Set([other]));
    else known.add(other);
  };
  const serve = (packet: Packet): void => {
    const tuple = tupleOut(packet);
    if (tuple === undefined || served.size >= MOST) return;
    served.add(`${tuple.local} ${tuple.transport} ${tuple.port}`);
  };
  /** Who sends the second packet between two ports answers the first. */
  const isAnswer = (packet: Packet): boolean => {
    const [there, back] = [tupleIn(packet), tupleOut(packet)];
    if (there === undefined || back === undefined) return false;
    if (asked.has(tupleKey(back))) return true;
    if (asked.size < MOST) asked.add(tupleKey(there));
    return false;
  };

  return {
    see(packet) {
      const { source, destination, segment, link } = packet;
      const isForOne = link.cast === 'unicast' || link.cast === 'unknown';
      if (!isForOne || !isHost(source) || !isHost(destination)) return;
      if (link.direction === 'out') linked.add(source);
      if (link.direction === 'in') linked.add(destination);
      pair(source, destination);
      pair(destination, source);
      reached.add(destination);
      const says = answerOf(packet)?.says;
      const answers = segment.kind === 'icmp' || isAnswer(packet);
      if (says === 'used' || (segment.kind === 'udp' && answers)) {
        serve(packet);
        pleased.add(destination);
      }
      // A reset without ACK answers an ACK; clients give up with one as well.
      if (says === 'unused' && answers && !isBareReset(packet)) {
        refused.add(source);
        rejected.add(destination);
      }
    },
    findings(given) {
      const { own, how } = given
        ? { own: given, how: 'as given' }
        : deduce({ partners, linked, refused, reached, pleased, rejected });
      return { own, how, open: openPorts(served, own) };
    },
  };
}

interface Seen {
  readonly partners: ReadonlyMap<Address, ReadonlySet<Address>>;
  readonly linked: Counts;
  readonly refused: Counts;
  readonly reached: Counts;
  readonly pleased: Counts;
  readonly rejected: Counts;
}

/**
 * Which addresses are the host's. The link layer knows best. Else those that refused somebody are scanned; but when
 * another address talks with more partners than all of them together, and is rarely refused, the capture is of that one, and
 * they are servers that it asks. Whoever talks with an own address is not the host: so the rest is found, beginning with those that have the
 * most partners, and of those with the ones that most packets went to.
 */
function deduce({ partners, linked, refused, reached, pleased, rejected }: Seen): {
  own: Address[];
  how: string;
} {
  const named = linked.all();
  if (named.length > 0) return { own: named, how: 'named by the link layer' };
  const degree = (address: Address): number => partners.get(address)?.size ?? 0;
  const ranked = [...partners.keys()].sort(
    (a, b) => degree(b) - degree(a) || reached.of(b) - reached.of(a) || (a < b ? -1 : 1),
  );
  const refusing = strangers(
    ranked.filter((address) => refused.of(address) > 0),
    partners,
  );
  const sum = refusing.reduce((all, address) => all + degree(address), 0);
  const [top] = ranked;
  if (top === undefined) return { own: [], how: 'none found' };
  const isAsking = degree(top) > sum && pleased.of(top) > rejected.of(top);
  const isScanned = refusing.length > 0 && !isAsking;
  const own = strangers(isScanned ? [...refusing, ...ranked] : ranked, partners);
  const how = isScanned
    ? 'found: refused others, or never talks with those that did'
    : 'found: most others talk with it';
  return { own, how };
}

/** Those of a list that talk with none before them in it. */
function strangers(addresses: readonly Address[], partners: Seen['partners']): Address[] {
  const taken = new Set<Address>();
  for (const address of addresses) {
    const isPartner = [...(partners.get(address) ?? [])].some((partner) => taken.has(partner));
    if (!isPartner) taken.add(address);
  }
  return [...taken];
}

function openPorts(served: ReadonlySet<string>, own: readonly Address[]): Listeners {
  const open = { tcp: new Set<number>(), udp: new Set<number>(), sctp: new Set<number>() };
  for (const entry of served) {
    const [address = '', transport, port] = entry.split(' ');
    if (own.includes(address)) open[transport as keyof typeof open].add(Number(port));
  }
  return open;
}

function isBareReset({ segment }: Packet): boolean {
  return segment.kind === 'tcp' && !(segment.flags & TCP_FLAG.ack);
}

/** Canonical text of what is no address of a machine on a wire: this network, loopback, multicast, broadcast (RFC 6890). */
const NO_HOST = /^(?:0\.|127\.|22[4-9]\.|2[3-5]\d\.|ff[0-9a-f]{2}:|::1?$)/;

/** Whether an address is one of a single machine; told by its text, since each packet asks. */
function isHost(address: Address): boolean {
  return !NO_HOST.test(address);
}

interface Counts {
  add(address: Address): void;
  of(address: Address): number;
  all(): Address[];
}

function count(): Counts {
  const counts = new Map<Address, number>();
  return {
    add(address) {
      if (counts.size < MOST || counts.has(address)) counts.set(address, (counts.get(address) ?? 0) + 1);
    },
    of: (address) => counts.get(address) ?? 0,
    all: () => [...counts.keys()],
  };
}
