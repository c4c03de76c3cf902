import { HOST, type Kind } from './kind.ts';
import { numbers, send } from './programs.ts';

const announcements: Kind = {
  name: 'neighbours',
  about:
    'mDNS, SSDP, LLMNR, WS-Discovery, NetBIOS and DHCP of a neighbour: multicast, broadcast, and unicast answers',
  run: async (stage) => {
    const { v4: from } = stage.lab.node('client');
    const { v4: own } = stage.lab.node(HOST);
    const groups = [
      ['224.0.0.251', 5_353],
      ['239.255.255.250', 1_900],
      ['224.0.0.252', 5_355],
      ['239.255.255.250', 3_702],
      ['203.0.113.255', 137],
      ['203.0.113.255', 138],
      ['203.0.113.255', 1_947],
      ['203.0.113.255', 17_500],
    ] as const;
    const call = groups.map(([to, port]) => ({ to, port, from, times: 3 }));
    const dhcp = { to: '203.0.113.255', port: 67, from, fromPort: 68, times: 3 };
    // Answers to a lease, to a search and to a name query go to the host alone.
    const search = numbers(45_000, 10).map((port) => ({ to: own, port, from, fromPort: 1_900 }));
    const answers = [
      { to: own, port: 68, from, fromPort: 67 },
      { to: own, port: 137, from, fromPort: 137 },
      ...search,
    ];
    await send(stage, 'client', [...call, dhcp, ...answers]);
  },
};

const traceroute: Kind = {
  name: 'traceroute',
  about: 'traceroute to the host by UDP with high ports, ICMP and TCP',
  run: async (stage) => {
    const { lab } = stage;
    const { v4: to } = lab.node(HOST);
    const trace = numbers(33_434, 40).map((port, i) => ({ to, port, ttl: 1 + Math.floor(i / 3), waitMs: 2 }));
    await send(stage, 'far', trace);
    for (const ttl of [1, 2, 3, 4]) await lab.exec('far', ['ping', '-c', '1', '-W', '1', '-t', `${ttl}`, to]);
    const tcp = ['nping', '--tcp', '--flags', 'syn', '-p', '80', '-c', '3', '-N', '-q'];
    for (const ttl of ['1', '2', '3']) await lab.exec('far', [...tcp, '--delay', '20ms', '--ttl', ttl, to]);
  },
};

const badChecksums: Kind = {
  name: 'bad-checksums',
  about: 'damaged SYNs and datagrams to forty ports: no host takes them, so they ask for nothing',
  run: async ({ lab }) => {
    const nmap = [
      'nmap',
      '-n',
      '-Pn',
      '--badsum',
      '--max-retries',
      '0',
      '--host-timeout',
      '10s',
      '--min-rate',
      '100',
    ];
    const { v4 } = lab.node(HOST);
    await lab.exec('client', [...nmap, '-sS', '-p', '300-339', v4]);
    await lab.exec('client', [...nmap, '-sU', '-p', '300-339', v4]);
  },
};

/** What neighbours and networks do by themselves. */
export const NEIGHBOUR_KINDS: readonly Kind[] = [announcements, traceroute, badChecksums];
