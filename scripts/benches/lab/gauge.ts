import { join } from 'node:path';
import type { Lab } from '../../lab/lab.ts';
import { type Moments, readMoments } from './moments.ts';
import { CHECK_PORT, OPEN_TCP, OPEN_UDP, VICTIM } from './victim.ts';

/** Whose packets are counted, and which of them are probes. */
export type Subject = {
  /** An address or a prefix. */
  source: string;
  /** `syn`: SYNs alone, for scans whose scanner answers by more packets; `any`: everything but RST. */
  probes: 'syn' | 'any';
};

/** Packets of the subject on the victim, checks not among the first four. */
export type Counts = {
  /** That reached the victim, before any other rule. */
  arrived: number;
  /** That every rule let through to the sockets. */
  passed: number;
  /** Of them those to ports that are watched: neither open, nor left out by PortSentry and Picket as shipped. */
  passedUnused: number;
  /** Packets that the victim sent to the subject: SYN-ACK, RST, ICMP errors and the like. */
  answered: number;
  /** Checks: packets to the open port that no scan asks for. */
  checksArrived: number;
  checksPassed: number;
};

/** Counters and captures of one subject, knowing nothing of who watches. */
export type Gauge = {
  counts: () => Promise<Counts>;
  /** Ends the captures, and says when packets came and when they passed. */
  stop: () => Promise<Moments>;
};

/**
 * What PortSentry and Picket leave alone as they are shipped: ident, NetBIOS; bootp, NetBIOS, RIP; and IP protocols of
 * neighbours and tunnels (agent/src/policy/classic-ports.ts). Those with ports are watched by port.
 */
const LEFT_OUT = {
  tcp: [113, 139],
  udp: [67, 137, 138, 520],
  ip: '0-2, 4, 41, 43-44, 47, 50-51, 58-60, 89, 97, 103, 112, 115, 136-137',
} as const;

/** Group of the records of passed packets; not Picket's. */
const GROUP = 4_990;

const BEGIN_MS = 10_000;

/** What neighbours must ask of each other is no packet of a scan (RFC 4861). */
const NEIGHBOURS = 'icmpv6 type { 133, 134, 135, 136, 137 } return';

/**
 * The table: first of all hooks before connection tracking, last of the input, where only what no rule dropped comes,
 * and last of the output.
 */
export function gaugeRuleset({ source, probes }: Subject): string {
  const ip = source.includes(':') ? 'ip6' : 'ip';
  // An address match alone lets packets of the other family go on to the counters.
  const other = `meta nfproto ${ip === 'ip' ? 'ipv6' : 'ipv4'} return`;
  const [from, to] = [`${other}\n    ${ip} saddr != ${source}`, `${other}\n    ${ip} daddr != ${source}`];
  const probe = probes === 'syn' ? 'tcp flags & (syn | ack | rst) == syn' : 'tcp flags & rst == 0';
  // A packet that is no TCP has no flags: it is a probe in any case but that of SYNs.
  const others = probes === 'syn' ? [] : ['meta l4proto != tcp'];
  const count = (counter: string) => [probe, ...others].map((match) => `${match} counter name ${counter}`);
  // Before they are joined, fragments have no flags: each counts.
  const fragment = ip === 'ip6' ? 'exthdr frag exists' : 'ip frag-off & 0x3fff != 0';
  const open = [
    `meta l4proto { ${LEFT_OUT.ip} } return`,
    `tcp dport { ${[...OPEN_TCP, ...LEFT_OUT.tcp].join(', ')} } return`,
    `udp dport { ${[...OPEN_UDP, ...LEFT_OUT.udp].join(', ')} } return`,
  ];
  return `table inet gauge
delete table inet gauge
table inet gauge {
  ${['arrived', 'passed', 'unused', 'answered', 'checks', 'checkspassed'].map((name) => `counter ${name} {}`).join('\n  ')}
  chain before {
    type filter hook prerouting priority -500; policy accept;
    ${from} return
    ${NEIGHBOURS}
    tcp flags & (syn | ack | rst) == syn tcp dport ${CHECK_PORT} counter name checks return
    tcp dport ${CHECK_PORT} return
    ${fragment} counter name arrived return
    ${count('arrived').join('\n    ')}
  }
  chain after {
    type filter hook input priority 500; policy accept;
    ${from} return
    ${NEIGHBOURS}
    tcp flags & rst == rst return
    log group ${GROUP} snaplen 96 queue-threshold 1
    tcp flags & (syn | ack | rst) == syn tcp dport ${CHECK_PORT} counter name checkspassed return
    tcp dport ${CHECK_PORT} return
    ${count('passed').join('\n    ')}
    ${open.join('\n    ')}
    ${count('unused').join('\n    ')}
  }
  chain answers {
    type filter hook output priority 500; policy accept;
    ${to} return
    ${NEIGHBOURS}
    tcp sport ${CHECK_PORT} return
    counter name answered
  }
}
`;
}

/** Begins to count a subject's packets on the victim; the one before is forgotten. */
export async function startGauge(lab: Lab, subject: Subject, label: string): Promise<Gauge> {
  await lab.mustExec(VICTIM, ['nft', '-f', '-'], { stdin: gaugeRuleset(subject) });
  const wire = await lab.capture(`wire-${label}`);
  const file = join(lab.folder, `passed-${label}.pcap`);
  const options = ['-s', '256', '-B', '16384', '-Z', 'root', '--immediate-mode', '-U', '-n'];
  const passed = lab.spawn(VICTIM, `passed-${label}`, [
    'tcpdump',
    '-i',
    `nflog:${GROUP}`,
    ...options,
    '-w',
    file,
  ]);
  await passed.printed(/listening on/, BEGIN_MS);
  return {
    counts: () => readCounts(lab),
    stop: async () => {
      await passed.kill('SIGINT');
      await wire.stop();
      return readMoments(wire.file, file, subject.source);
    },
  };
}

async function readCounts(lab: Lab): Promise<Counts> {
  const text = await lab.mustExec(VICTIM, ['nft', 'list', 'counters', 'table', 'inet', 'gauge']);
  const read = (name: string) =>
    Number(new RegExp(`counter ${name} \\{\\s*packets (\\d+)`).exec(text)?.[1] ?? Number.NaN);
  return {
    arrived: read('arrived'),
    passed: read('passed'),
    passedUnused: read('unused'),
    answered: read('answered'),
    checksArrived: read('checks'),
    checksPassed: read('checkspassed'),
  };
}
