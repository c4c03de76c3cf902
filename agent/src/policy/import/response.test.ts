import { describe, expect, it } from 'vitest';
import { needsOf } from '../needs.ts';
import { policyOf, wordsOf } from './testing.ts';

describe('what was done to a source', () => {
  it.each([
    ['/sbin/route add -host $TARGET$ reject'],
    ['/sbin/route add $TARGET$ 333.444.555.666'],
    ['route add -net $TARGET$ -netmask 255.255.255.255 127.0.0.1 -blackhole'],
    ['/sbin/ipchains -I input -s $TARGET$ -j DENY -l'],
    ['/sbin/iptables -I INPUT -s $TARGET$ -j DROP && /sbin/iptables -I INPUT -s $TARGET$ -j LOG'],
    ['/sbin/ipfw add 1 deny all from $TARGET$:255.255.255.255 to any'],
    ["/bin/echo 'block in log on external_interface from $TARGET$/32 to any' | /sbin/ipf -f -"],
    ['sudo /usr/sbin/nft add element inet filter blocked { $TARGET$ }'],
    ['/sbin/pfctl -t portsentry -T add $TARGET$'],
  ])('by %j is what a firewall of this host does', (route) => {
    const policy = policyOf(`BLOCK_TCP="1"\nKILL_ROUTE="${route}"`);
    expect(policy.block).toMatchObject({ firewall: 'auto', also: [] });
    expect(policy.command.argv).toEqual([]);
  });

  it('by a command that is no firewall is done beside one, in the order PortSentry had', () => {
    const conf =
      'BLOCK_TCP="1"\nKILL_ROUTE="/opt/shun $TARGET$"\nKILL_RUN_CMD="/opt/page $TARGET$ $PORT$ $MODE$"';
    const after = policyOf(conf);
    expect(after.block).toMatchObject({ firewall: 'auto', also: ['command'] });
    expect(after.command).toMatchObject({
      argv: ['/opt/shun {address} ; /opt/page {address} {port} {mode}'],
      ...{ shell: true, when: 'after' },
    });
    const before = policyOf(`${conf}\nKILL_RUN_CMD_FIRST="1"`);
    expect(before.command).toMatchObject({
      argv: ['/opt/page {address} {port} {mode} ; /opt/shun {address}'],
      when: 'before',
    });
  });

  it.each([
    ['/opt/page $TARGET$ $PORT$ $MODE$', ['/opt/page', '{address}', '{port}', '{mode}'], false],
    [
      "/usr/bin/logger -t scan 'from $TARGET$ on $PORT$'",
      ['/usr/bin/logger', '-t', 'scan', 'from {address} on {port}'],
      false,
    ],
    ["/opt/a --b='c d' $TARGET$", ["/opt/a --b='c d' {address}"], true],
    ['/opt/page $TARGET$ &', ['/opt/page {address} &'], true],
    ['/opt/page $HOME/x', ['/opt/page $HOME/x'], true],
    ["awk '{print}' /x", ['awk', '{{print}}', '/x'], false],
    [`echo $${'{foo} {}'}`, [`echo $${'{{foo}} {}'}`], true],
  ])('by KILL_RUN_CMD %j is a command', (text, argv, shell) => {
    const policy = policyOf(`BLOCK_TCP="1"\nKILL_RUN_CMD="${text}"`);
    expect(policy.command).toMatchObject({ argv, shell });
    expect(policy.block.also).toEqual(['command']);
  });

  it('by KILL_RUN_CMD alone, where nothing but it was to be done, needs no firewall', () => {
    const conf =
      'KILL_ROUTE="/sbin/route add -host $TARGET$ reject"\nKILL_HOSTS_DENY="ALL: $TARGET$"\nKILL_RUN_CMD="/x"';
    const policy = policyOf(`BLOCK_TCP="2"\nBLOCK_UDP="2"\n${conf}`);
    expect([policy.mode, policy.block.firewall, policy.block.also]).toEqual(['enforce', 'command', []]);
    expect(
      wordsOf(`BLOCK_TCP="2"\n${conf}`).filter((words) => words.includes('KILL_RUN_CMD alone')),
    ).toHaveLength(2);
    expect(policyOf(`BLOCK_TCP="1"\nBLOCK_UDP="2"\n${conf}`).block).toMatchObject({
      firewall: 'auto',
      also: ['hosts-deny', 'command'],
    });
  });

  it('by a KILL_RUN_CMD that is a firewall is done by one', () => {
    const conf = 'KILL_RUN_CMD="/sbin/iptables -I INPUT -s $TARGET$ -j DROP"';
    for (const value of ['1', '2']) {
      const policy = policyOf(`BLOCK_TCP="${value}"\n${conf}`);
      expect([policy.mode, policy.block.firewall, policy.block.also]).toEqual(['enforce', 'auto', []]);
    }
  });

  it.each([
    ['ALL: $TARGET$', 'ALL'],
    ['ALL: $TARGET$ : DENY', 'ALL'],
    ['sshd, in.ftpd : [$TARGET$] : deny', 'sshd, in.ftpd'],
    ['ALL EXCEPT in.fingerd:$TARGET$', 'ALL EXCEPT in.fingerd'],
  ])('by the line %j is done for the services it names', (line, daemons) => {
    const policy = policyOf(`BLOCK_TCP="1"\nKILL_HOSTS_DENY="${line}"`);
    expect([policy.block.also, policy.hosts_deny.daemons]).toEqual([['hosts-deny'], daemons]);
    const file = '/var/lib/picket-denied/list';
    expect(policy.hosts_deny).toMatchObject({ patterns: true, file });
    expect(needsOf(policy, { engine: 'kernel', firewall: 'nftables+hosts-deny' })).toEqual([
      { kind: 'hosts-deny', file, daemons },
    ]);
  });
});
