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

  const WRAPPERS = '[hosts_deny]\npatterns = true\nfile = "/var/lib/picket-denied/list"\n';

  it('is a file of patterns for TCP wrappers, as backend and beside another', () => {
    const also = `${WRAPPERS}daemons = "sshd, imapd"\n[block]\nalso = ["hosts-deny"]`;
    expect(needs(also)).toEqual(['hosts-deny\t/var/lib/picket-denied/list\tsshd, imapd']);
    expect(needs(WRAPPERS, 'capture', 'hosts-deny')).toEqual([
      'hosts-deny\t/var/lib/picket-denied/list\tALL',
    ]);
  });

  it.each([
    '',
    '[hosts_deny]\npatterns = true',
    '[hosts_deny]\nfile = "/var/lib/picket-denied/list"',
    '[hosts_deny]\npatterns = true\nfile = "/var/lib/picket-denied/../../etc/cron.d/x"',
    '[hosts_deny]\npatterns = true\nfile = "/var/lib/picket-denied/.."',
    '[hosts_deny]\npatterns = true\nfile = "/var/lib/picket-denied/a b"',
  ])('is never the right to write elsewhere (%j)', (config) => {
    expect(() => needs(config, 'capture', 'hosts-deny')).toThrow(
      'Set patterns = true and file = "/var/lib/picket-denied/list"',
    );
  });
});
