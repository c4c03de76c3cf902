import { describe, expect, it } from 'vitest';
import { parsePolicy } from './load.ts';
import { formatNeed, needsOf } from './needs.ts';

const needs = (config: string, engine = 'kernel', firewall = 'nftables') =>
  needsOf(parsePolicy(config, 'picket.toml'), { engine, firewall }).map(formatNeed);

describe('what an agent takes beyond the least', () => {
  it('is nothing by default', () => {
    expect(needs('')).toEqual([]);
    expect(needs('', 'capture', 'route')).toEqual([]);
  });

  it('are low ports where the connect engine binds some', () => {
    expect(needs('', 'connect')).toEqual(['low-ports']);
    expect(needs('[connect]\ntcp = "1024-2000"\nudp = "31337"', 'connect')).toEqual([]);
    expect(needs('[connect]\ntcp = ""\nudp = "1000-2000"', 'connect')).toEqual(['low-ports']);
  });

  it.each(['iptables', 'iptables-ipset'])('is the lock of iptables for the backend %s', (firewall) => {
    expect(needs('', 'capture', firewall)).toEqual(['xtables-lock']);
  });

  it('is a file of patterns for TCP wrappers, as backend and beside another', () => {
    const also =
      '[block]\nalso = ["hosts-deny", "command"]\n[hosts_deny]\nfile = "/etc/my.deny"\ndaemons = "sshd, imapd"';
    expect(needs(also)).toEqual(['hosts-deny\t/etc/my.deny\tsshd, imapd']);
    expect(needs('', 'capture', 'hosts-deny')).toEqual(['hosts-deny\t/etc/hosts.deny\tALL']);
    expect(() => needs('[hosts_deny]\nfile = "/etc/x y"', 'capture', 'hosts-deny')).toThrow(
      'hosts_deny.file = "/etc/x y": must hold no white space',
    );
  });
});
