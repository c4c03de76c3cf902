import { describe, expect, it } from 'vitest';
import { want } from './contract.ts';
import { fakePrograms, linesOf } from './entry-fake.ts';
import { createEntryFirewall } from './entry-firewall.ts';
import { iptablesRules } from './iptables.ts';

const STANCE = { allow: ['192.0.2.1/32', '2001:db8:1::/64'], onLink: [], enforce: true };
const only4 = iptablesRules({ forwarded: true, families: [4] });
const HELD = { source: '198.51.100.7', tier: 'held', origin: 'local' } as const;
const DROPPED = { source: '2001:db8:66::/64', tier: 'dropped', origin: 'shared' } as const;

/** As iptables-save 1.8.9 prints what is set up, recorded. */
const RAW = `*raw
:PREROUTING ACCEPT [0:0]
:PICKET_DROPPED - [0:0]
:PICKET_DROPPED_LOCAL - [0:0]
:PICKET_DROPPED_SHARED - [0:0]
[9:756] -A PREROUTING -j PICKET_DROPPED
[0:0] -A PICKET_DROPPED -i lo -j RETURN
[0:0] -A PICKET_DROPPED -j PICKET_DROPPED_LOCAL
[0:0] -A PICKET_DROPPED -j PICKET_DROPPED_SHARED
[0:0] -A PICKET_DROPPED_SHARED -s 203.0.113.0/24 -j DROP
COMMIT
`;
const MANGLE = RAW.replaceAll('DROPPED', 'HELD')
  .replace('*raw', '*mangle')
  .replace(/\[0:0\] -A PICKET_HELD_SHARED.*/, '[7:588] -A PICKET_HELD_LOCAL -s 198.51.100.7/32 -j DROP');

describe('iptables alone', () => {
  it('makes the chains of entries when they are not there, and the rules before them anew', () => {
    expect(linesOf(only4.setUp(STANCE)).slice(0, 3)).toEqual([
      'iptables -w 5 -t raw -N PICKET_DROPPED_LOCAL',
      'iptables -w 5 -t raw -N PICKET_DROPPED_SHARED',
      `iptables-restore -w 5 --noflush
*raw
:PICKET_DROPPED - [0:0]
-A PICKET_DROPPED -i lo -j RETURN
-A PICKET_DROPPED -s 192.0.2.1/32 -j RETURN
-A PICKET_DROPPED -j PICKET_DROPPED_LOCAL
-A PICKET_DROPPED -j PICKET_DROPPED_SHARED
COMMIT`,
    ]);
    expect(only4.setUp(STANCE)[0]?.fine?.test('iptables: Chain already exists.')).toBe(true);
  });

  it('adds and removes one rule a source, in one transaction of each table', () => {
    const both = iptablesRules({ forwarded: true, families: [4, 6] });
    expect(linesOf(both.add([HELD, DROPPED, { ...HELD, source: '198.51.100.8' }], 0))).toEqual([
      `iptables-restore -w 5 --noflush
*mangle
-A PICKET_HELD_LOCAL -s 198.51.100.7 -j DROP
-A PICKET_HELD_LOCAL -s 198.51.100.8 -j DROP
COMMIT`,
      `ip6tables-restore -w 5 --noflush
*raw
-A PICKET_DROPPED_SHARED -s 2001:db8:66::/64 -j DROP
COMMIT`,
    ]);
    expect(linesOf(both.remove([HELD])).join()).toContain('-D PICKET_HELD_LOCAL -s 198.51.100.7 -j DROP');
  });

  it('reads entries with what they refused, and nothing where a chain is not asked', () => {
    expect(only4.parse([RAW, MANGLE], 0)).toEqual([
      { source: '203.0.113.0/24', tier: 'dropped', origin: 'shared', packets: 0 },
      { ...HELD, packets: 7 },
    ]);
    expect(only4.parse([RAW, MANGLE.replace('-A PREROUTING -j PICKET_HELD', '')], 0)).toBeUndefined();
    expect(only4.parse([RAW.replace(/.*-j PICKET_DROPPED_LOCAL\n/, ''), MANGLE], 0)).toBeUndefined();
  });

  it('finds what others wrote into any of its chains, and writes a chain of entries anew with ours alone', () => {
    const pass = '-i lo -j RETURN\n';
    const held = `$&[0:0] -A PICKET_HELD -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN\n`;
    const allowed = (chain: string) => `[0:0] -A ${chain} -s 192.0.2.1/32 -j RETURN\n`;
    const raw = RAW.replace(pass, `$&${allowed('PICKET_DROPPED')}`);
    const mangle = MANGLE.replace(pass, `${held}${allowed('PICKET_HELD')}`);
    expect(only4.damage?.([raw, mangle], STANCE)).toBeUndefined();
    const exempt = '-A PICKET_HELD_LOCAL -s 198.51.100.7/32 -p tcp -m tcp --dport 22 -j RETURN';
    const damaged = mangle.replace('[7:588]', `[0:0] ${exempt}\n[7:588]`);
    const found = only4.damage?.([raw, damaged], STANCE);
    expect(found?.words).toBe(`somebody wrote into it: ${exempt}`);
    expect(linesOf(found?.steps ?? [])).toEqual([
      `iptables-restore -w 5 --noflush
*mangle
:PICKET_HELD_LOCAL - [0:0]
-A PICKET_HELD_LOCAL -s 198.51.100.7/32 -j DROP
COMMIT`,
    ]);
    expect(only4.damage?.([raw.replace(allowed('PICKET_DROPPED'), ''), mangle], STANCE)?.words).toBe(
      'gone from it: -A PICKET_DROPPED -s 192.0.2.1/32 -j RETURN',
    );
    const matched = raw.replace('-s 192.0.2.1/32 -j', '-s 192.0.2.1/32 -p udp -j');
    expect(only4.damage?.([matched, mangle], STANCE)?.words).toContain('192.0.2.1/32 -p udp');
  });

  it('holds 2,000 sources at most, half of them for the host itself', async () => {
    const { run, asked } = fakePrograms((line) =>
      line.startsWith('iptables-save') ? { stdout: line.endsWith('raw') ? RAW : MANGLE } : undefined,
    );
    const said: string[] = [];
    const firewall = createEntryFirewall(only4, { run, now: Date.now, log: (m) => said.push(m) });
    await firewall.open(STANCE);
    const many = Array.from({ length: 3_000 }, (_, i) => `198.18.${i >> 8}.${i & 255}`);
    const before = asked.length;
    await firewall.share(want([], many).shared);
    const added = asked
      .slice(before)
      .join('\n')
      .match(/-A PICKET/g);
    expect(added).toHaveLength(1_000);
    expect(said).toEqual([expect.stringContaining('holds 2000 sources at most')]);
  });

  it('tells a refused permission in the words of the program', async () => {
    const words = 'iptables-restore: line 3 failed: Permission denied (you must be root).';
    const { run } = fakePrograms((line) => (line.includes('-restore') ? { stderr: words } : undefined));
    const firewall = createEntryFirewall(only4, { run, now: Date.now, log: () => {} });
    await expect(firewall.open(STANCE)).rejects.toThrow(words);
  });
});
