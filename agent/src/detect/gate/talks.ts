import type { Address, PortRange, Source } from '@picket/protocol';
import type { Packet } from '../../decode/packet.ts';
import { TCP_FLAG } from '../technique.ts';
import { createRecent, type Recent } from './recent.ts';
import { type Tuple, tupleKey } from './tuple.ts';

/** A TCP connection that the system lists. */
export type Connection = Omit<Tuple, 'transport'>;

/**
 * How long somebody this host wrote to may answer late, or a closed connection leave packets behind, ms: two minutes,
 * as in the nftables table; the longest life of a segment (RFC 9293 section 3.4.1).
 */
export const WROTE_MS = 120_000;

/** How long a connection is known without a sign of its end, ms: five days, as in nf_conntrack (`tcp_timeout_established`). */
const CONNECTION_MS = 432_000_000;

/**
 * Most entries of each memory: 32,768 of about 250 bytes are 8 MB. Only this host's own packets fill `connections` and
 * `wrote`; a flood of forged SYNs fills `answered` and nothing else.
 */
const MOST = 32_768;

/** What was seen of this host's talks with others. Partly: a capture passes only a part of the traffic. */
export interface Talks {
  sent(packet: Packet, tuple: Tuple): void;
  received(packet: Packet, tuple: Tuple): void;
  /** Connections that exist, whatever was seen of them. Those to listeners make clients. */
  learn(connections: Iterable<Connection>, atMs: number, isListener: (port: number) => boolean): void;
  /** Notes and asks whether this host speaks an IP protocol with somebody. */
  spoke(remote: Address, protocol: number, atMs: number): void;
  speaks(remote: Address, protocol: number, atMs: number): boolean;
  /** Whether the two ends are known to talk: a connection, or this host wrote to that port from this one lately. */
  knows(key: string, atMs: number): boolean;
  isClient(source: Source, atMs: number): boolean;
  readonly forgotten: number;
}

/** What talks depend on beside the packets. */
export interface TalkRules {
  /** Local ephemeral ports: UDP there never counts, so nobody need be remembered. */
  readonly ephemeral: PortRange;
  /** How long a source stays a client after the last sign of it, ms: the window of the threshold. */
  readonly clientMs: number;
  readonly sourceOf: (address: Address) => Source;
}

const { fin, syn, rst, psh, ack } = TCP_FLAG;

export function createTalks({ ephemeral, clientMs, sourceOf }: TalkRules): Talks {
  /** Of TCP and SCTP, opened by this host, or of which it sent something. */
  const connections = createRecent(MOST);
  /** Connections to this host that it answered. */
  const answered = createRecent(MOST);
  /** Over UDP and other IP protocols. */
  const wrote = createRecent(MOST);
  const clients = createRecent(MOST);
  const addClient = (address: Address, atMs: number) =>
    clients.note(sourceOf(address), atMs, atMs + clientMs);
  return {
    sent({ atMs, segment }, tuple) {
      const key = tupleKey(tuple);
      const isExempt = tuple.port >= ephemeral[0] && tuple.port <= ephemeral[1];
      if (segment.kind === 'tcp') sentTcp(connections, answered, key, { atMs, flags: segment.flags });
      else if (segment.kind === 'sctp') extend(connections, key, atMs);
      else if (!isExempt) wrote.note(key, atMs, atMs + WROTE_MS);
    },
    received({ atMs, segment }, tuple) {
      if (segment.kind !== 'tcp') return;
      const key = tupleKey(tuple);
      const { flags } = segment;
      if (isTalking(flags) && answered.until(key, atMs) !== undefined) addClient(tuple.remote, atMs);
      if (connections.until(key, atMs) === undefined) return;
      if (flags & (fin | rst)) connections.note(key, atMs, atMs + WROTE_MS);
      else if (flags & syn && flags & ack) connections.note(key, atMs, atMs + CONNECTION_MS);
    },
    learn(list, atMs, isListener) {
      for (const connection of list) {
        const key = tupleKey({ ...connection, transport: 'tcp' });
        connections.note(key, atMs, atMs + CONNECTION_MS);
        if (isListener(connection.port)) addClient(connection.remote, atMs);
      }
    },
    spoke: (remote, protocol, atMs) => wrote.note(`ip/${remote}/${protocol}`, atMs, atMs + WROTE_MS),
    speaks: (remote, protocol, atMs) => wrote.until(`ip/${remote}/${protocol}`, atMs) !== undefined,
    knows: (key, atMs) => [connections, answered, wrote].some((m) => m.until(key, atMs) !== undefined),
    isClient: (source, atMs) => clients.until(source, atMs) !== undefined,
    get forgotten() {
      return [connections, answered, wrote, clients].reduce((sum, { forgotten }) => sum + forgotten, 0);
    },
  };
}

/**
 * Whether a segment shows that a connection is used: data that is pushed, or an orderly end. The bare ACK of a handshake
 * is not enough: a connect scan of an open port sends that, and then a reset.
 */
function isTalking(flags: number): boolean {
  return (flags & (ack | syn | rst)) === ack && (flags & (fin | psh)) !== 0;
}

function sentTcp(
  connections: Recent,
  answered: Recent,
  key: string,
  { atMs, flags }: { readonly atMs: number; readonly flags: number },
): void {
  // A reset of what is not known answers a stray packet: it must not excuse the next one.
  if (flags & rst && connections.until(key, atMs) === undefined) return;
  if (flags & syn && flags & ack) answered.note(key, atMs, atMs + CONNECTION_MS);
  else if (flags & (rst | fin)) connections.note(key, atMs, atMs + WROTE_MS);
  else extend(connections, key, atMs);
}

/** What this host sends keeps a talk known for a while at least. */
function extend(connections: Recent, key: string, atMs: number): void {
  const untilMs = connections.until(key, atMs) ?? 0;
  connections.note(key, atMs, Math.max(untilMs, atMs + WROTE_MS));
}
