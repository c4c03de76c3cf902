import { describe, expect, it } from 'vitest';
import { decodeLink, LINKTYPE, linkProblem } from './link.ts';
import { bytes, concat } from './testing/bytes.ts';

const IP4 = bytes('4500 0014 0000 0000 4006 0000 c633 6407 cb00 710a');
const IP6 = bytes(
  '6000 0000 0000 3b40 20010db8 00000000 00000000 00000007 20010db8 00010000 00000000 00000010',
);

const frame = (linkType: number, head: string, ip = IP4) => decodeLink(linkType, concat(bytes(head), ip));

const MACS = '02005e100001 020000000002';

describe('decodeLink', () => {
  it.each([
    ['Ethernet', LINKTYPE.ethernet, `${MACS} 0800`],
    ['802.1Q', LINKTYPE.ethernet, `${MACS} 8100 0007 0800`],
    ['QinQ', LINKTYPE.ethernet, `${MACS} 88a8 0064 8100 0007 0800`],
    ['PPPoE on Ethernet', LINKTYPE.ethernet, `${MACS} 8864 1100 0001 0016 0021`],
    ['BSD loopback of a little-endian host', LINKTYPE.null, '02000000'],
    ['BSD loopback of a big-endian host', LINKTYPE.null, '00000002'],
    ['OpenBSD loopback', LINKTYPE.loop, '00000002'],
    ['raw IP', LINKTYPE.raw, ''],
    ['raw IP of a live capture', 12, ''],
    ['raw IP of OpenBSD', 14, ''],
    ['IPv4', LINKTYPE.ipv4, ''],
    ['PPP', LINKTYPE.ppp, '0021'],
    ['PPP in HDLC', LINKTYPE.pppHdlc, 'ff03 0021'],
    ['PPP with a compressed protocol', LINKTYPE.ppp, '21'],
    ['PPPoE', LINKTYPE.pppoe, '1100 0001 0016 0021'],
  ])('finds IPv4 in %s', (_, linkType, head) => {
    expect(frame(linkType, head)?.ip).toEqual(IP4);
  });

  it.each([
    ['Ethernet', LINKTYPE.ethernet, `${MACS} 86dd`],
    ['IPv6', LINKTYPE.ipv6, ''],
    ['PPP', LINKTYPE.ppp, '0057'],
    ['OpenBSD loopback', LINKTYPE.loop, '00000018'],
    ['FreeBSD loopback', LINKTYPE.null, '1c000000'],
    ['macOS loopback', LINKTYPE.null, '1e000000'],
  ])('finds IPv6 in %s', (_, linkType, head) => {
    expect(frame(linkType, head, IP6)?.ip).toEqual(IP6);
  });

  it.each([
    ['02005e100001', 'unicast'],
    ['01005e0000fb', 'multicast'],
    ['3333000000fb', 'multicast'],
    ['ffffffffffff', 'broadcast'],
  ])('tells by the Ethernet address %s that a frame is %s', (to, cast) => {
    expect(frame(LINKTYPE.ethernet, `${to} 020000000002 0800`)?.link).toEqual({ direction: 'unknown', cast });
  });

  it.each([
    [0, { direction: 'in', cast: 'unicast' }],
    [1, { direction: 'in', cast: 'broadcast' }],
    [2, { direction: 'in', cast: 'multicast' }],
    [3, { direction: 'in', cast: 'other' }],
    [4, { direction: 'out', cast: 'unknown' }],
    [9, { direction: 'unknown', cast: 'unknown' }],
  ])('reads packet type %d of both cooked captures', (type, link) => {
    expect(frame(LINKTYPE.sll, `000${type} 0001 0006 0200000000020000 0800`)?.link).toEqual(link);
    const sll2 = frame(LINKTYPE.sll2, `0800 0000 00000003 0001 0${type} 06 0200000000020000`);
    expect(sll2).toEqual({ ip: IP4, link: { ...link, interfaceIndex: 3 } });
  });

  /** A pflog header, synthetic, from net/if_pflog.h: up to the direction it is the same on all systems. */
  const pflog = (length: string, rest: string) =>
    `${length} 02 01 00 656d3000000000000000000000000000 ${'00'.repeat(16)} ${'00'.repeat(24)} 01 ${rest}`;

  it.each([
    ['FreeBSD 13, DragonFly, NetBSD', pflog('3d', '000000')],
    ['FreeBSD 14', pflog('45', '000000 00000000 00000000')],
    ['FreeBSD 15', pflog('48', '000000 00000000 00000000')],
    ['OpenBSD', pflog('64', `000200 ${'00'.repeat(36)}`)],
  ])('reads interface and direction of pflog on %s', (_, head) => {
    const link = { direction: 'in', cast: 'unknown', interfaceName: 'em0' };
    expect(frame(LINKTYPE.pflog, head)).toEqual({ ip: IP4, link });
  });

  it('tells direction and interface of Solaris ipnet, in either version of its header', () => {
    // Synthetic, from sys/dlpi.h and sys/hook_event.h.
    const head = (version: string, hook: string) =>
      `${version} 000${hook} 00000014 00000005 00000000 00000000 00000000`;
    const link = (direction: string) => ({ direction, cast: 'unknown', interfaceIndex: 5 });
    expect(frame(LINKTYPE.ipnet, head('0104', '0'))).toEqual({ ip: IP4, link: link('in') });
    expect(frame(LINKTYPE.ipnet, head('0202', '1'))).toEqual({ ip: IP4, link: link('out') });
    expect(frame(LINKTYPE.ipnet, head('021a', '2'), IP6)).toEqual({ ip: IP6, link: link('unknown') });
  });

  it.each([
    ['ARP', LINKTYPE.ethernet, `${MACS} 0806`],
    ['IPv4 that the frame calls IPv6', LINKTYPE.ethernet, `${MACS} 86dd`],
    ['more tags than anybody stacks', LINKTYPE.ethernet, `${MACS} ${'8100 0007'.repeat(5)} 0800`],
    ['an unknown address family', LINKTYPE.null, '07000000'],
    ['a pflog header too short', LINKTYPE.pflog, '2d'],
    ['an unknown link type', 105, ''],
  ])('passes over %s', (_, linkType, head) => {
    expect(frame(linkType, head)).toBeUndefined();
  });
});

describe('linkProblem', () => {
  it('names a link type that is not read, and what is', () => {
    expect(linkProblem(105)).toBe(
      'link type 105, IEEE802_11 (Wi-Fi monitor mode), is not read; known are ' +
        'null, ethernet, ppp, pppHdlc, pppoe, raw, loop, sll, pflog, ipnet, ipv4, ipv6, nflog, sll2',
    );
    expect(linkProblem(999)).toContain('link type 999 is not read');
  });

  it('has none with those that are read', () => {
    expect([...Object.values(LINKTYPE), 12, 14].map(linkProblem)).toEqual(Array(16).fill(undefined));
  });
});
