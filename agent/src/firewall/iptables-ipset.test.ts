import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { want } from './contract.ts';
import type { Entry } from './entries.ts';
import { fakePrograms, linesOf } from './entry-fake.ts';
import { createEntryFirewall } from './entry-firewall.ts';
import { iptablesIpset } from './iptables-ipset.ts';

const NOW_MS = 1_000_000;
const STANCE = { allow: ['192.0.2.1', '2001:db8:1::/64'], onLink: [], enforce: true };
const both = iptablesIpset({ forwarded: true, families: [4, 6] });
const only4 = iptablesIpset({ forwarded: true, families: [4] });
const entry = (source: string, more: Partial<Entry> = {}): Entry => ({
  ...{ source, tier: 'held', origin: 'local', untilMs: NOW_MS + 60_000 },
  ...more,
});

/** As iptables-save 1.8.9 and ipset 7.17 print what is set up, recorded. */
const RAW = `*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:PICKET_DROPPED - [0:0]
[21:1764] -A PREROUTING -j PICKET_DROPPED
[0:0] -A PICKET_DROPPED -i lo -j RETURN
[0:0] -A PICKET_DROPPED -m set --match-set picket_allow4 src -j RETURN
[1:84] -A PICKET_DROPPED -m set --match-set picket_local_dropped4 src -j DROP
[0:0] -A PICKET_DROPPED -m set --match-set picket_shared_dropped4 src -j DROP
COMMIT
`;
const MANGLE = RAW.replaceAll('DROPPED', 'HELD')
  .replaceAll('dropped', 'held')
  .replace('*raw', '*mangle')
  .replace(
    '-i lo -j RETURN\n',
    '$&[0:0] -A PICKET_HELD -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN\n',
  );
const HELD = `create picket_local_held4 hash:net family inet hashsize 1024 maxelem 131072 timeout 0 counters bucketsize 12 initval 0xf00e738a
add picket_local_held4 198.51.100.7 timeout 99 packets 3 bytes 252
`;

describe('iptables with ipset', () => {
  it('makes sets, the allow list in one swap, chains, and hooks that are not there yet', () => {
    const steps = only4.setUp(STANCE);
    expect(linesOf(steps)).toEqual([
      `ipset -exist restore
create picket_local_held4 hash:net family inet maxelem 131072 timeout 0 counters
create picket_local_dropped4 hash:net family inet maxelem 131072 timeout 0 counters
create picket_shared_held4 hash:net family inet maxelem 131072 timeout 0
create picket_shared_dropped4 hash:net family inet maxelem 131072 timeout 0`,
      `ipset -exist restore
create picket_allow4 hash:net family inet maxelem 131072
create picket_allow4_new hash:net family inet maxelem 131072
flush picket_allow4_new
add picket_allow4_new 192.0.2.1
swap picket_allow4_new picket_allow4
destroy picket_allow4_new`,
      `iptables-restore -w 5 --noflush
*raw
:PICKET_DROPPED - [0:0]
-A PICKET_DROPPED -i lo -j RETURN
-A PICKET_DROPPED -m set --match-set picket_allow4 src -j RETURN
-A PICKET_DROPPED -m set --match-set picket_local_dropped4 src -j DROP
-A PICKET_DROPPED -m set --match-set picket_shared_dropped4 src -j DROP
COMMIT`,
      `iptables-restore -w 5 --noflush
*mangle
:PICKET_HELD - [0:0]
-A PICKET_HELD -i lo -j RETURN
-A PICKET_HELD -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN
-A PICKET_HELD -m set --match-set picket_allow4 src -j RETURN
-A PICKET_HELD -m set --match-set picket_local_held4 src -j DROP
-A PICKET_HELD -m set --match-set picket_shared_held4 src -j DROP
COMMIT`,
      'iptables -w 5 -t raw -I PREROUTING 1 -j PICKET_DROPPED',
      'iptables -w 5 -t mangle -I PREROUTING 1 -j PICKET_HELD',
      'iptables -w 5 -t mangle -D INPUT -j PICKET_DROPPED',
      'iptables -w 5 -t mangle -D INPUT -j PICKET_HELD',
    ]);
    expect(steps[4]?.unless?.argv.join(' ')).toBe('iptables -w 5 -t raw -C PREROUTING -j PICKET_DROPPED');
  });

  it('lets neighbour discovery pass on IPv6', () => {
    expect(linesOf(both.setUp(STANCE)).join('\n')).toContain(
      '-A PICKET_HELD -p ipv6-icmp -m icmp6 --icmpv6-type 135 -j RETURN\n',
    );
  });

  it('covers only what is for the host itself where forwarded traffic is left out', () => {
    const lines = linesOf(iptablesIpset({ forwarded: false, families: [4] }).setUp(STANCE)).join('\n');
    expect(lines).toContain('iptables -w 5 -t mangle -I INPUT 1 -j PICKET_DROPPED');
    expect(lines).toContain('iptables -w 5 -t raw -D PREROUTING -j PICKET_DROPPED');
    expect(lines).not.toContain('-I PREROUTING');
  });

  it('splits a network of everything, which no set can hold', () => {
    const lines = linesOf(only4.setUp({ ...STANCE, allow: ['0.0.0.0/0'] })).join('\n');
    expect(lines).toContain('add picket_allow4_new 0.0.0.0/1\nadd picket_allow4_new 128.0.0.0/1');
  });

  it('adds with what is left of the time, at least a second and at most what a set can hold', () => {
    const entries = [
      entry('198.51.100.7'),
      entry('2001:db8:66::/64', { tier: 'dropped', origin: 'shared' }),
      entry('198.51.100.8', { untilMs: NOW_MS }),
      entry('203.0.113.0/24', { untilMs: NOW_MS + 31 * 86_400_000 }),
    ];
    expect(linesOf(both.add(entries, NOW_MS))).toEqual([
      `ipset -exist restore
add picket_local_held4 198.51.100.7 timeout 60
add picket_shared_dropped6 2001:db8:66::/64 timeout 60
add picket_local_held4 198.51.100.8 timeout 1
add picket_local_held4 203.0.113.0/24 timeout 2147483`,
    ]);
    expect(linesOf(both.remove(entries.slice(0, 1)))).toEqual([
      'ipset -exist restore\ndel picket_local_held4 198.51.100.7',
    ]);
  });

  it('reads entries with their ends and counters, and nothing where a hook or a set is not asked', () => {
    const outputs = [RAW, MANGLE, HELD, '', '', ''];
    expect(only4.parse(outputs, NOW_MS)).toEqual([
      { ...entry('198.51.100.7', { untilMs: NOW_MS + 99_000 }), packets: 3 },
    ]);
    const unhooked = MANGLE.replace('[21:1764] -A PREROUTING -j PICKET_HELD\n', '');
    expect(only4.parse([RAW, unhooked, HELD, '', '', ''], NOW_MS)).toBeUndefined();
    const halved = RAW.replace(/.*picket_shared_dropped4.*\n/, '');
    expect(only4.parse([halved, MANGLE, HELD, '', '', ''], NOW_MS)).toBeUndefined();
  });

  it('reads whatever it is given without throwing', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { maxLength: 6 }), (outputs) => {
        only4.parse([RAW, MANGLE, ...outputs.map((o) => `add x ${o} timeout 1`)], NOW_MS);
        only4.parse(outputs, NOW_MS);
        only4.damage?.([`-A PICKET_HELD -s ${outputs[0]}`, ...outputs], STANCE);
      }),
    );
  });

  it('names what others wrote into its chains and sets, took out of them, or moved', () => {
    const allow = 'add picket_allow4 192.0.2.1\n';
    const wordsOf = (raw: string, held = MANGLE, sets = allow) =>
      only4.damage?.([raw, held, '', '', '', '', sets], STANCE)?.words;
    expect(wordsOf(RAW)).toBeUndefined();
    expect(wordsOf(RAW, MANGLE.replace('[21:1764] -A PREROUTING', '-A OUTPUT'))).toBe(
      'PREROUTING does not call PICKET_HELD any more',
    );
    const exempt = '-A PICKET_HELD -s 198.51.100.7/32 -p tcp -m tcp --dport 22 -j ACCEPT';
    const first = MANGLE.replace('[0:0] -A PICKET_HELD -i lo', `[3:9] ${exempt}\n$&`);
    expect(wordsOf(RAW, first)).toBe(`somebody wrote into it: ${exempt}`);
    const [lo = '', , ...rest] = RAW.match(/.*-A PICKET_DROPPED .*\n/g) ?? [];
    const twice = RAW.replace(lo, lo + lo);
    expect(wordsOf(twice)).toBe('somebody wrote into it: -A PICKET_DROPPED -i lo -j RETURN');
    expect(wordsOf(RAW.replace(lo, ''))).toBe('gone from it: -A PICKET_DROPPED -i lo -j RETURN');
    expect(wordsOf(RAW.replace(lo, '').replace('COMMIT', `${lo}COMMIT`))).toContain('another order');
    expect(rest).toHaveLength(2);
    expect(wordsOf(RAW, MANGLE, `${allow}add picket_allow4 198.51.100.0/24\n`)).toBe(
      'somebody wrote into picket_allow4: 198.51.100.0/24',
    );
    const doubled = { ...STANCE, allow: ['192.0.2.1', '192.0.2.1/32'] };
    expect(only4.damage?.([RAW, MANGLE, '', '', '', '', allow], doubled)).toBeUndefined();
    expect(wordsOf(RAW, MANGLE, '')).toBe('gone from picket_allow4: 192.0.2.1');
  });

  it('mends once, and bears what reads otherwise than it was written', async () => {
    const printed = RAW.replace('-i lo -j RETURN', '-i "lo" -j RETURN');
    const { run, asked } = fakePrograms((line) => {
      if (line === 'ipset save picket_allow4') return { stdout: 'add picket_allow4 192.0.2.1\n' };
      return line.startsWith('iptables-save')
        ? { stdout: line.endsWith('raw') ? printed : MANGLE }
        : undefined;
    });
    const said: string[] = [];
    const firewall = createEntryFirewall(only4, { run, now: () => NOW_MS, log: (m) => said.push(m) });
    await firewall.open(STANCE);
    for (let i = 0; i < 3; i++) await firewall.look();
    expect(said).toEqual([
      expect.stringContaining('(somebody wrote into it: -A PICKET_DROPPED -i "lo" -j RETURN)'),
      expect.stringContaining('stays so'),
    ]);
    expect(asked.filter((line) => line.includes('-A PICKET_DROPPED -i lo'))).toHaveLength(2);
  });

  it('asks of a long shared list only whether it is there', () => {
    const asked = only4.list('local').map(({ argv }) => argv.join(' '));
    expect(asked).toContain('ipset save picket_local_held4');
    expect(asked).toContain('ipset list -t picket_shared_held4');
  });

  it('takes what is gone already for done when it removes all', () => {
    const gone = [
      "iptables v1.8.9 (nf_tables): Chain 'PICKET_HELD' does not exist\nTry `iptables -h' or 'iptables --help' for more information.",
      'iptables: Bad rule (does a matching rule exist in that chain?).',
      'iptables: No chain/target/match by that name.',
      "iptables v1.8.9 (legacy): Couldn't load target `PICKET_HELD':No such file or directory",
    ];
    const steps = only4.tearDown([]);
    for (const words of gone) expect(steps[0]?.fine?.test(words)).toBe(true);
    expect(steps.at(-1)?.fine?.test('ipset v7.17: The set with the given name does not exist')).toBe(true);
    const denied = 'Could not fetch rule set generation id: Permission denied (you must be root)';
    expect(steps.some(({ fine }) => fine?.test(denied))).toBe(false);
  });

  it('tells a refused permission and a missing set in the words of the program', async () => {
    const words = 'ipset v7.17: Kernel error received: Operation not permitted';
    const { run } = fakePrograms((line) => (line.startsWith('ipset') ? { stderr: words } : undefined));
    const firewall = createEntryFirewall(only4, { run, now: () => NOW_MS, log: () => {} });
    await expect(firewall.open(STANCE)).rejects.toThrow(`ipset -exist restore: ${words}`);
  });

  it('sets everything up again when a change finds a set missing', async () => {
    let isMissing = false;
    const { run, asked } = fakePrograms((line) => {
      if (line.startsWith('iptables-save')) return { stdout: line.endsWith('raw') ? RAW : MANGLE };
      const isChange = /restore\nadd picket_local/.test(line) || line.startsWith('ipset save');
      if (line.includes('\ncreate picket_local')) isMissing = false;
      return isMissing && isChange
        ? { stderr: 'ipset v7.17: Error in line 1: The set with the given name does not exist' }
        : undefined;
    });
    const said: string[] = [];
    const firewall = createEntryFirewall(only4, { run, now: () => NOW_MS, log: (m) => said.push(m) });
    await firewall.open(STANCE);
    isMissing = true;
    await firewall.apply({ ...want(['198.51.100.7'], [], { untilMs: NOW_MS + 60_000 }), ...STANCE });
    expect(asked.at(-1)).toBe('ipset -exist restore\nadd picket_local_held4 198.51.100.7 timeout 60');
    expect(said.join()).toContain('others changed what was set up');
  });
});
