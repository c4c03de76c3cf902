import { z } from 'zod';

/** Packets that a node answered, by what the answer said. */
export type Answers = {
  /** SYN-ACK: the port is open. */
  accepted: number;
  /** RST. */
  refused: number;
  /** ICMP destination unreachable. */
  unreachable: number;
};

/** Counters of a node that know nothing of Picket: what came in before any firewall rule, and what went out. */
export type Witness = {
  /** Packets received from an address, before every other table could drop them. */
  received: (source: string) => Promise<number>;
  /** Answers sent to an address, after every other table. */
  answered: (source: string) => Promise<Answers>;
};

/** Sets that count, each for both families. */
const SETS = ['received', 'accepted', 'refused', 'unreachable'] as const;

type SetName = (typeof SETS)[number];

/** Most addresses a set counts: more than any lab uses. */
const SET_SIZE = 65_535;

const declarations = SETS.flatMap((name) => [
  `set ${name}4 { type ipv4_addr; size ${SET_SIZE}; flags dynamic; }`,
  `set ${name}6 { type ipv6_addr; size ${SET_SIZE}; flags dynamic; }`,
]).join('\n  ');

const count = (set: SetName, side: 'saddr' | 'daddr', match = '') =>
  [
    `meta nfproto ipv4 ${match} update @${set}4 { ip ${side} counter }`,
    `meta nfproto ipv6 ${match} update @${set}6 { ip6 ${side} counter }`,
  ].join('\n    ');

/** First of all hooks that a table of rules can have before connection tracking, and last of the output. */
const RULESET = `table inet witness {
  ${declarations}
  chain before {
    type filter hook prerouting priority -500; policy accept;
    iif lo return
    ${count('received', 'saddr')}
  }
  chain answers {
    type filter hook output priority 500; policy accept;
    oif lo return
    ${count('accepted', 'daddr', 'tcp flags & (syn|ack) == (syn|ack)')}
    ${count('refused', 'daddr', 'tcp flags & rst == rst')}
    icmp type destination-unreachable update @unreachable4 { ip daddr counter }
    icmpv6 type destination-unreachable update @unreachable6 { ip6 daddr counter }
  }
}
`;

const elementSchema = z.object({
  elem: z.object({ val: z.string(), counter: z.object({ packets: z.int() }) }),
});
const replySchema = z.object({
  nftables: z.array(z.object({ set: z.object({ elem: z.array(elementSchema).optional() }).optional() })),
});

/**
 * Puts counters on a node.
 *
 * @param run runs a command on the node and returns what it printed
 */
export async function witness(run: (argv: string[], stdin?: string) => Promise<string>): Promise<Witness> {
  await run(['nft', '-f', '-'], RULESET);
  const packets = async (set: SetName, source: string): Promise<number> => {
    const name = `${set}${source.includes(':') ? 6 : 4}`;
    const reply = replySchema.parse(
      JSON.parse(await run(['nft', '-j', 'list', 'set', 'inet', 'witness', name])),
    );
    const elements = reply.nftables.flatMap((item) => item.set?.elem ?? []);
    return elements.find(({ elem }) => elem.val === source)?.elem.counter.packets ?? 0;
  };
  return {
    received: (source) => packets('received', source),
    answered: async (source) => ({
      accepted: await packets('accepted', source),
      refused: await packets('refused', source),
      unreachable: await packets('unreachable', source),
    }),
  };
}
