import { addressFromBytes, cidrOf } from '@picket/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { networkSets, networksFault } from './networks.ts';

/** What nft lists of a set with such elements. */
const listed = (...elem: unknown[]) =>
  JSON.stringify({
    nftables: [{ metainfo: {} }, { set: { name: 'allow4', ...(elem.length > 0 && { elem }) } }],
  });
const prefix = (addr: string, len: number) => ({ prefix: { addr, len } });

const anyNetwork = fc
  .tuple(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.integer({ min: 1, max: 32 }))
  .map(([bytes, length]) => cidrOf(addressFromBytes(bytes) ?? '192.0.2.1', length));

describe('the networks in a set', () => {
  it('are the wanted ones, also where the kernel joined them', () => {
    expect(networksFault('allow4', listed(), [])).toBeUndefined();
    const halves = ['192.0.2.0/25', '192.0.2.128/25', '198.51.100.7'];
    expect(networksFault('allow4', listed(prefix('192.0.2.0', 24), '198.51.100.7'), halves)).toBeUndefined();
    const three = ['192.0.2.4/30', '192.0.2.8'];
    expect(networksFault('allow4', listed({ range: ['192.0.2.4', '192.0.2.8'] }), three)).toBeUndefined();
    expect(
      networksFault('allow6', listed(prefix('2001:db8::', 32)), ['2001:db8::/32', '2001:db8:1::5']),
    ).toBeUndefined();
  });

  it('are told when others put one in, by hand or with a comment, or took one out', () => {
    const allow = ['192.0.2.1'];
    const by = (...elem: unknown[]) => networksFault('allow4', listed(...elem), allow);
    expect(by('192.0.2.1', prefix('198.51.100.0', 24))).toEqual({
      ...{ set: 'allow4', foreign: ['198.51.100.0/24'], isLacking: false },
    });
    expect(by('192.0.2.1', { elem: { val: '198.51.100.7', comment: 'me' } })?.foreign).toEqual([
      '198.51.100.7',
    ]);
    expect(by({ range: ['192.0.2.1', '192.0.2.2'] })?.foreign).toEqual(['192.0.2.1-192.0.2.2']);
    expect(by()).toEqual({ set: 'allow4', foreign: [], isLacking: true });
  });

  it('are the same whatever their order is, and others with one that is not in them', () => {
    fc.assert(
      fc.property(fc.array(anyNetwork, { maxLength: 9 }), anyNetwork, (networks, other) => {
        const elements = networks.map((network) => {
          const [addr = '', len] = network.split('/');
          return len === undefined ? addr : prefix(addr, Number(len));
        });
        expect(networksFault('allow4', listed(...elements.toReversed()), networks)).toBeUndefined();
        const fault = networksFault('allow4', listed(...elements), [...networks, other]);
        expect(fault === undefined || fault.foreign.length === 0).toBe(true);
      }),
    );
  });

  it('are those of a table that detects, or only of the allow list', () => {
    const networks = {
      allow: ['192.0.2.1', '2001:db8::1'],
      onLink: ['2001:db8:1::/64'],
      siblings: ['192.0.2.9'],
    };
    const names = (detects: boolean) => networkSets(networks, detects).map(({ set }) => set);
    expect(names(false)).toEqual(['allow4', 'allow6']);
    expect(names(true)).toEqual(['allow4', 'allow6', 'onlink6', 'sibling4', 'sibling6']);
    expect(networkSets(networks, true)[1]?.wanted).toEqual(['2001:db8::1']);
  });
});
