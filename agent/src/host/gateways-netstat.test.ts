import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gatewaysOfNetstat } from './gateways-netstat.ts';

const recorded = (name: string) =>
  readFileSync(new URL(`../../testdata/firewall/${name}`, import.meta.url), 'utf8');

describe('gateways in netstat -rn', () => {
  it('are those of the default routes', () => {
    expect(gatewaysOfNetstat(recorded('netstat-openbsd.txt'))).toEqual(['10.0.0.1']);
    expect(gatewaysOfNetstat(recorded('netstat-solaris-inet.txt'))).toEqual(['129.70.163.177']);
    expect(gatewaysOfNetstat(recorded('netstat-solaris-inet6.txt'))).toEqual([]);
    expect(gatewaysOfNetstat('default   fe80::1%em0   UG   em0\ndefault link#1 U em1')).toEqual(['fe80::1']);
  });

  it('are none in whatever else a program prints', () => {
    fc.assert(fc.property(fc.string(), (text) => Array.isArray(gatewaysOfNetstat(text))));
  });
});
