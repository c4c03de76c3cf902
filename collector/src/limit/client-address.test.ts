import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { clientOf, isProxy } from './client-address.ts';

const PROXIES = ['127.0.0.0/8', '::1', '192.0.2.7', '2001:db8:ffff::/48'];
const client = (peer: string | undefined, forwardedFor?: string) => clientOf({ peer, forwardedFor }, PROXIES);

describe('the client of a request', () => {
  test.each([
    ['198.51.100.9', undefined, '198.51.100.9', 'asks by itself'],
    ['::ffff:198.51.100.9', undefined, '198.51.100.9', 'comes over a socket for both families'],
    ['2001:db8:1:2:3:4:5:6', undefined, '2001:db8:1:2::/64', 'has all of its /64'],
    ['198.51.100.9', '203.0.113.1', '198.51.100.9', 'claims to be a proxy'],
    ['127.0.0.1', '203.0.113.1', '203.0.113.1', 'stands behind our proxy'],
    ['127.0.0.1', '10.0.0.1, 203.0.113.1', '203.0.113.1', 'claims an address through our proxy'],
    ['127.0.0.1', '203.0.113.1, 192.0.2.7', '203.0.113.1', 'stands behind two of our proxies'],
    ['127.0.0.1', '203.0.113.1:4711', '203.0.113.1', 'is told with its port'],
    ['::1', '[2001:db8:1::9]:4711', '2001:db8:1::/64', 'is told with its port, by IPv6'],
    ['127.0.0.1', undefined, '127.0.0.1', 'is not told by the proxy'],
    ['127.0.0.1', 'unknown, 127.0.0.2', '127.0.0.2', 'is told in words'],
    ['127.0.0.1', '', '127.0.0.1', 'is told as nothing'],
  ])('at %s, forwarded for %s, is %s when it %s', (...[peer, forwarded, expected]) => {
    expect(client(peer, forwarded)).toBe(expected);
  });

  test('is nobody over a Unix socket', () => expect(client(undefined)).toBe(undefined));

  test('is never what it wrote itself in front of what our proxy appended', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 2000 }), fc.oneof(fc.ipV4(), fc.ipV6()), (forged, address) => {
        fc.pre(!isProxy(address, PROXIES));
        expect(client('127.0.0.1', `${forged},${address}`)).toBe(client(address));
      }),
    );
  });
});
