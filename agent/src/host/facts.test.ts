import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gateways4, gateways6, nameServers, nextHops, readEphemeralPorts, readHostFacts } from './facts.ts';

/** As Linux 6.x prints them; addresses are documentation's. */
const ROUTE4 = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	017100CB	0003	0	0	100	00000000	0	0	0
eth0	007100CB	00000000	0001	0	0	100	00FFFFFF	0	0	0
eth1	00000000	FE6433C6	0003	0	0	200	00000000	0	0	0
`;
const ROUTE6 = `00000000000000000000000000000000 00 00000000000000000000000000000000 00 20010db8000100000000000000000001 00000400 00000001 00000000 00000003     eth0
20010db8000100000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000002 00000000 00000001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe80000000000000000000000000abcd 00000400 00000001 00000000 00000003     eth1
`;

describe('the facts of a host', () => {
  it('has each gateway once, from the tables of both families', () => {
    expect(gateways4(ROUTE4 + ROUTE4)).toEqual(['203.0.113.1', '198.51.100.254']);
    expect(gateways6(ROUTE6)).toEqual(['2001:db8:1::1', 'fe80::abcd']);
  });

  it('has the resolvers of resolv.conf, without zones, comments and names', () => {
    const text =
      '# nameserver 192.0.2.9\nnameserver 192.0.2.53\n  nameserver\tfe80::1%eth0\nnameserver ns.example\nsearch x\n';
    expect(nameServers(text)).toEqual(['192.0.2.53', 'fe80::1']);
  });

  it('never throws, whatever the files say', () => {
    const lines = fc.array(
      fc.oneof(fc.string(), fc.constantFrom(...ROUTE4.split('\n'), ...ROUTE6.split('\n'))),
    );
    fc.assert(
      fc.property(lines, (list) => {
        const text = list.join('\n');
        return [...gateways4(text), ...gateways6(text), ...nameServers(text)].every(
          (a) => typeof a === 'string',
        );
      }),
    );
  });

  it('reads this machine: loopback is its own, and the ephemeral ports are a range', async () => {
    expect((await readHostFacts()).own).toContain('127.0.0.1');
    const [from, to] = await readEphemeralPorts();
    expect(from).toBeLessThan(to);
  });
});

describe('next hops', () => {
  it('are those of each default route in every table, also of several at once', () => {
    const text = [
      'default proto static metric 100 \\\tnexthop via 192.0.2.1 dev eth0 weight 1 \\\tnexthop via 192.0.2.2 dev eth1 weight 1 ',
      'default via 203.0.113.254 dev eth2 table 100 ',
      'default via inet6 fe80::1 dev eth0 proto ra',
      '198.51.100.0/24 via 192.0.2.9 dev eth0 ',
      'local 192.0.2.10 dev eth0 table local',
    ].join('\n');
    expect(nextHops(text)).toEqual(['192.0.2.1', '192.0.2.2', '203.0.113.254', 'fe80::1']);
  });
});
