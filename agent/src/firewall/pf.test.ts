import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { firewallContract, put, want } from './contract.ts';
import type { Entry } from './entries.ts';
import { entryContract } from './entry-contract.ts';
import { createEntryFirewall } from './entry-firewall.ts';
import { pfTables } from './pf.ts';
import { createFakePf } from './pf-fake.ts';
import { PF_SYSTEMS, passesBefore, pfRefusal } from './pf-refusal.ts';
import { areWhole } from './pf-rules.ts';

const STANCE = { allow: [], onLink: [], enforce: true };
const PF = pfTables(PF_SYSTEMS.freebsd, { forwarded: true });

const recorded = (name: string) =>
  readFileSync(new URL(`../../testdata/firewall/${name}`, import.meta.url), 'utf8');

const lines = (text: string) => text.split('\n').filter(Boolean);

function subject() {
  const pf = createFakePf();
  const said: string[] = [];
  let aheadMs = 0;
  const reopen = () =>
    createEntryFirewall(PF, {
      ...{ run: pf.run, now: () => Date.now() + aheadMs, log: (message) => said.push(message) },
    });
  const pass = (ms: number) => {
    aheadMs += ms;
  };
  return { pf, said, firewall: reopen(), reopen, refused: pf.refused, ours: pf.ours, pass };
}

firewallContract('pf', async () => {
  const { pf, ...rest } = subject();
  const damages = {
    'rules and tables flushed': async () => {
      pf.anchorRules = [];
      pf.tables.clear();
    },
    'rules flushed': async () => {
      pf.anchorRules = [];
    },
    'the rules of one table': async () => {
      pf.anchorRules = pf.anchorRules.filter((rule) => !rule.includes('<picket_shared_held>'));
    },
    'a table killed': async () => pf.tables.delete('picket_shared_held'),
    'a table flushed': async () => pf.tables.get('picket_local_held')?.addresses.clear(),
    'an address of the network': async () =>
      pf.tables.get('picket_shared_held')?.addresses.delete('192.0.2.0/24'),
  };
  return { ...rest, damages };
});

describe('the commands of pf', () => {
  it('load rules and tables into the anchor and nothing else', () => {
    const [step] = PF.setUp(STANCE);
    expect(step?.command.argv).toEqual(['pfctl', '-q', '-a', 'picket', '-f', '-']);
    expect(lines(step?.command.stdin ?? '').slice(0, 7)).toEqual([
      'table <picket_local_held> persist counters',
      'table <picket_local_dropped> persist counters',
      'table <picket_shared_held> persist',
      'table <picket_shared_dropped> persist',
      'block drop in quick inet from <picket_local_held> to any',
      'block drop in quick inet6 proto { tcp, udp, sctp } from <picket_local_held> to any',
      'block drop in quick inet6 proto ipv6-icmp from <picket_local_held> to any icmp6-type 128',
    ]);
  });

  it('cover the host alone when forwarding is left out', () => {
    const [step] = pfTables(PF_SYSTEMS.freebsd, { forwarded: false }).setUp(STANCE);
    const rules = lines(step?.command.stdin ?? '').filter((line) => line.startsWith('block'));
    expect(rules.filter((rule) => rule.includes(' in ') && !/ to \(self\)(?: |$)/.test(rule))).toEqual([]);
    expect(rules).toContain('block drop out quick inet from (self) to <picket_local_dropped>');
  });

  it('put sources in by table, over the standard input, and cut the connections of those that are dropped', () => {
    const steps = PF.add(
      [
        { source: '192.0.2.1', tier: 'held', origin: 'local' },
        { source: '2001:db8::/64', tier: 'dropped', origin: 'shared' },
      ],
      0,
    );
    expect(steps.map(({ command }) => [command.argv.slice(1).join(' '), command.stdin])).toEqual([
      ['-q -a picket -t picket_local_held -T add -f -', '192.0.2.1\n'],
      ['-q -a picket -t picket_shared_dropped -T add -f -', '2001:db8::/64\n'],
      ['-q -k 2001:db8::/64', undefined],
      ['-q -k ::/0 -k 2001:db8::/64', undefined],
    ]);
  });

  it('cut no connections for a long list, whose every entry would take two commands', () => {
    const long = Array.from(
      { length: 101 },
      (_, i): Entry => ({
        source: `198.18.0.${i}`,
        tier: 'dropped',
        origin: 'shared',
      }),
    );
    expect(PF.add(long, 0)).toHaveLength(1);
  });
});

describe('pf as its manual page tells', () => {
  it('is never loaded: the main rules are only looked at', async () => {
    const { pf, firewall } = subject();
    await firewall.open(STANCE);
    await put(firewall, want(['192.0.2.1'], ['192.0.2.2'], { tier: 'dropped' }));
    await firewall.remove();
    expect(pf.mainLoads).toBe(0);
    expect(pf.ran.filter((words) => /-[fF]/.test(words) && !words.startsWith('-a picket'))).toEqual([]);
  });

  it('is refused by name, with the line to add, while the main rules do not ask the anchor', async () => {
    const { pf, firewall } = subject();
    pf.mainRules = ['pass all flags S/SA keep state'];
    await expect(firewall.open(STANCE)).rejects.toThrow(
      'pf: the main rules lack a line that an administrator adds to /etc/pf.conf, before the first "quick" rule: ' +
        'anchor "picket" (then: service pf reload)',
    );
  });

  it('tells again what is missing when an administrator takes the line away, and goes on when it is back', async () => {
    const { pf, firewall, refused } = subject();
    await firewall.open(STANCE);
    await put(firewall, want(['192.0.2.1']));
    const before = pf.mainRules;
    pf.mainRules = ['pass all'];
    await expect(firewall.look()).rejects.toThrow('anchor "picket"');
    pf.mainRules = before;
    await firewall.look();
    expect(await refused()).toEqual(['192.0.2.1']);
  });

  it('gets tables and rules again that others flushed', async () => {
    const { pf, said, firewall, refused } = subject();
    await firewall.open(STANCE);
    await put(firewall, want(['192.0.2.1'], ['192.0.2.2']));
    pf.anchorRules = [];
    pf.tables.clear();
    await firewall.look();
    expect((await refused()).sort()).toEqual(['192.0.2.1', '192.0.2.2']);
    expect(said.join()).toContain('made again');
  });

  it('tells that it has no permission in its own words', async () => {
    const { pf, firewall } = subject();
    pf.isPermitted = false;
    await expect(firewall.open(STANCE)).rejects.toThrow('pfctl: /dev/pf: Permission denied');
  });

  it('counts what was refused of the host own blocks', async () => {
    const { pf, firewall } = subject();
    await firewall.open(STANCE);
    await put(firewall, want(['192.0.2.1']));
    pf.tables.get('picket_local_held')?.addresses.set('192.0.2.1', 12);
    expect(await firewall.look()).toMatchObject([{ source: '192.0.2.1', tier: 'held', packets: 12 }]);
  });

  it('cuts the connections of a source that goes from held to dropped', async () => {
    const { pf, firewall } = subject();
    await firewall.open(STANCE);
    await put(firewall, want(['192.0.2.1']));
    expect(pf.killed).toEqual([]);
    await put(firewall, want(['192.0.2.1'], [], { tier: 'dropped' }));
    expect(pf.killed).toEqual(['192.0.2.1', '0.0.0.0/0 192.0.2.1']);
  });
});

describe('what only an administrator can change', () => {
  const ENABLED = 'Status: Enabled for 0 days 05:30:22    Debug: Urgent\n';
  const { freebsd, openbsd, sunos } = PF_SYSTEMS;

  it('is told for each system in its own words', () => {
    expect(pfRefusal(freebsd, 'Status: Disabled\n', '')).toContain('sysrc pf_enable=YES');
    expect(pfRefusal(sunos, 'Status: Disabled\n', '')).toContain('svcadm enable network/firewall');
    expect(pfRefusal(sunos, ENABLED, 'pass all')).toContain('/etc/firewall/pf.conf');
    expect(pfRefusal(openbsd, ENABLED, 'block return all\npass all flags S/SA\n')).toContain(
      'pfctl -f /etc/pf.conf',
    );
  });

  it('is a rule that keeps states: without one a held source would lose the connections it has', () => {
    const anchor = 'anchor "picket" all\n';
    expect(pfRefusal(openbsd, ENABLED, `${anchor}pass all flags S/SA\n`)).toBeUndefined();
    expect(pfRefusal(freebsd, ENABLED, anchor)).toContain('as the first filter rule');
    expect(pfRefusal(freebsd, ENABLED, `${anchor}pass all no state\n`)).toContain(': pass (then');
  });

  it('is an anchor of the right name for arriving packets', () => {
    const with_ = (anchor: string) => pfRefusal(freebsd, ENABLED, `${anchor}\npass all keep state\n`);
    for (const line of ['anchor "picket" all', 'anchor "*" all', 'anchor "picket" in on em0 all'])
      expect(with_(line)).toBeUndefined();
    for (const line of ['anchor "picket/*" all', 'anchor "picket" out all', 'rdr-anchor "picket" all'])
      expect(with_(line)).toContain('anchor "picket"');
  });

  it('is a rule that passes packets for good before the anchor is asked', () => {
    const rules = recorded('pf-rules-pfsense.txt');
    expect(passesBefore(`${rules}anchor "picket" all\n`)).toMatch(/^pass quick inet6 proto ipv6-icmp all /);
    expect(
      passesBefore(`pass quick on lo0 all\npass out quick all\nanchor "picket" all\n${rules}`),
    ).toBeUndefined();
  });

  it('is seen in the rules of a pfSense', () => {
    const rules = recorded('pf-rules-pfsense.txt');
    expect(pfRefusal(freebsd, ENABLED, rules)).toContain('anchor "picket"');
    expect(pfRefusal(freebsd, ENABLED, `anchor "picket" all\n${rules}`)).toBeUndefined();
  });
});

describe('the rules that pfctl prints', () => {
  it('name tables, the host itself and types of ICMPv6 as the reader expects', () => {
    // What a pfSense prints of rules like ours, with the tables' names in place of its own.
    const [here, echo] = ['from <sshguard> to (self)', 'icmp6-type echoreq'].map((words) =>
      lines(recorded('pf-rules-pfsense.txt')).some((line) => line.includes(words)),
    );
    expect([here, echo]).toEqual([true, true]);
    const printed = (name: string) => `block drop in quick inet from <${name}> to (self)`;
    const names = [
      'picket_local_held',
      'picket_local_dropped',
      'picket_shared_held',
      'picket_shared_dropped',
    ];
    const leaving = names
      .filter((n) => n.endsWith('dropped'))
      .map((n) => `block drop out quick inet from (self) to <${n}>`);
    expect(areWhole([...names.map(printed), ...leaving].join('\n'))).toBe(true);
    expect(areWhole(names.map(printed).join('\n'))).toBe(false);
    expect(areWhole(recorded('pf-rules-pfsense.txt'))).toBe(false);
  });
});

describe('the tables that pfctl shows', () => {
  const heads = () => {
    const pf = createFakePf();
    const [step] = PF.setUp(STANCE);
    return pf
      .run(step?.command ?? { argv: ['pfctl'] })
      .then(() => [
        'Status: Enabled\n',
        'anchor "picket" all\npass all keep state\n',
        `${pf.anchorRules.join('\n')}\n`,
        `${[...pf.tables.keys()].join('\n')}\n`,
      ]);
  };

  it('are read as macOS and OpenBSD print them', async () => {
    const tables = [recorded('pf-table-macos.txt'), recorded('pf-table-openbsd.txt')];
    expect(PF.parse([...(await heads()), ...tables], 0)).toEqual([
      { source: '13.107.21.200', tier: 'held', origin: 'local', packets: 0 },
      { source: '52.237.236.160', tier: 'held', origin: 'local', packets: 0 },
      { source: '129.128.5.191', tier: 'dropped', origin: 'local', packets: 0 },
    ]);
  });

  entryContract(PF, createFakePf);
});
