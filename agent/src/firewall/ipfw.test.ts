import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { firewallContract, put, want } from './contract.ts';
import type { Entry } from './entries.ts';
import { entryContract } from './entry-contract.ts';
import { createEntryFirewall } from './entry-firewall.ts';
import { ipfwTables } from './ipfw.ts';
import { createFakeIpfw } from './ipfw-fake.ts';
import { ipfwCollision } from './ipfw-refusal.ts';
import { ruleBodies } from './ipfw-rules.ts';

const STANCE = { allow: [], onLink: [], enforce: true };
const IPFW = ipfwTables({ forwarded: true });

const recorded = (name: string) =>
  readFileSync(new URL(`../../testdata/firewall/${name}`, import.meta.url), 'utf8');

function subject() {
  const ipfw = createFakeIpfw();
  const said: string[] = [];
  let aheadMs = 0;
  const reopen = () =>
    createEntryFirewall(IPFW, {
      ...{ run: ipfw.run, now: () => Date.now() + aheadMs, log: (message) => said.push(message) },
    });
  const pass = (ms: number) => {
    aheadMs += ms;
  };
  return { ipfw, said, firewall: reopen(), reopen, refused: ipfw.refused, ours: ipfw.ours, pass };
}

firewallContract('ipfw', async () => {
  const { ipfw, ...rest } = subject();
  const leave = (isKept: (body: string) => boolean) => {
    ipfw.rules = ipfw.rules.filter(({ body }) => !body.endsWith('// picket') || isKept(body));
  };
  const damages = {
    'rules flushed and tables destroyed': async () => {
      leave(() => false);
      ipfw.tables.clear();
    },
    'rules flushed': async () => leave(() => false),
    'one rule': async () => leave((body) => !body.startsWith('deny udp from table(picket_shared_held)')),
    'a table flushed': async () => ipfw.tables.get('picket_local_held')?.clear(),
    'an entry of the network': async () => ipfw.tables.get('picket_shared_held')?.delete('192.0.2.0/24'),
  };
  return { ...rest, damages };
});

describe('the commands of ipfw', () => {
  it('make tables, and rules in a set that is put in force in one step', () => {
    const [step] = IPFW.setUp(STANCE);
    expect(step?.command.argv).toEqual(['ipfw', '-q', '/dev/stdin']);
    const lines = step?.command.stdin?.split('\n') ?? [];
    expect(lines.slice(0, 7)).toEqual([
      'table picket_local_held create type addr missing',
      'table picket_local_dropped create type addr missing',
      'table picket_shared_held create type addr missing',
      'table picket_shared_dropped create type addr missing',
      'delete set 28',
      'set disable 28',
      'add 1 set 28 skipto 2 ip from any to any via lo0 // picket',
    ]);
    expect(lines.slice(-5)).toEqual([
      'set swap 28 29',
      'set enable 29',
      'delete set 28',
      'set enable 28',
      '',
    ]);
  });

  it('refuse the first packets of a held source, and every packet of a dropped one', () => {
    const rules = ruleBodies({ forwarded: true });
    expect(rules).toContain('deny tcp from table(picket_local_held) to any in setup');
    expect(rules).toContain('deny ip from table(picket_shared_dropped) to any in');
    expect(rules.indexOf('check-state :picket')).toBeLessThan(
      rules.indexOf('deny udp from table(picket_local_held) to any in'),
    );
  });

  it('cover the host alone when forwarding is left out', () => {
    const refusals = ruleBodies({ forwarded: false }).filter((rule) => rule.startsWith('deny'));
    expect(refusals.filter((rule) => !/ (?:to|from) me /.test(rule))).toEqual([]);
  });

  it('put in and take out sources, one line each', () => {
    const entries: Entry[] = [
      { source: '192.0.2.1', tier: 'held', origin: 'local' },
      { source: '2001:db8::/64', tier: 'dropped', origin: 'shared' },
    ];
    expect(IPFW.add(entries, 0).map(({ command }) => command.stdin)).toEqual([
      'table picket_local_held add 192.0.2.1 0\ntable picket_shared_dropped add 2001:db8::/64 0\n',
    ]);
    expect(IPFW.remove(entries).map(({ command }) => command.stdin)).toEqual([
      'table picket_local_held delete 192.0.2.1\ntable picket_shared_dropped delete 2001:db8::/64\n',
    ]);
    expect([IPFW.add([], 0), IPFW.remove([])]).toEqual([[], []]);
  });
});

describe('ipfw as its manual page tells', () => {
  it('keeps the rules of others, and ours in force while they are made again', async () => {
    const { ipfw, firewall } = subject();
    const others = ipfw.rules.map(({ body }) => body);
    await firewall.open(STANCE);
    ipfw.inForce = [];
    await firewall.apply({ ...want(['192.0.2.1']), ...STANCE, allow: ['203.0.113.0/24'] });
    expect(new Set(ipfw.inForce)).toEqual(new Set([ruleBodies({ forwarded: true }).length]));
    await firewall.remove();
    expect(ipfw.rules.map(({ body }) => body)).toEqual(others);
    expect(ipfw.tables.size).toBe(0);
  });

  it('gets tables and rules again that others flushed', async () => {
    const { ipfw, said, firewall, refused } = subject();
    await firewall.open(STANCE);
    await put(firewall, want(['192.0.2.1'], ['192.0.2.2']));
    ipfw.rules = ipfw.rules.filter(({ set }) => set === 31);
    ipfw.tables.clear();
    await firewall.look();
    expect((await refused()).sort()).toEqual(['192.0.2.1', '192.0.2.2']);
    expect(said.join()).toContain('made again');
  });

  it('gets its rules again when others removed one of them', async () => {
    const { ipfw, firewall } = subject();
    await firewall.open(STANCE);
    ipfw.rules = ipfw.rules.filter(({ body }) => !body.startsWith('check-state'));
    await firewall.look();
    expect(ipfw.rules.filter(({ body }) => body.startsWith('check-state'))).toHaveLength(1);
  });

  it('is refused by name while it is off, not loaded, or not permitted', async () => {
    const { ipfw, firewall } = subject();
    ipfw.isEnabled = false;
    await expect(firewall.open(STANCE)).rejects.toThrow(
      'ipfw: ipfw is not enabled; an administrator enables it',
    );
    ipfw.isLoaded = false;
    await expect(firewall.open(STANCE)).rejects.toThrow('Protocol not available');
    [ipfw.isLoaded, ipfw.isPermitted] = [true, false];
    await expect(firewall.open(STANCE)).rejects.toThrow('Operation not permitted');
  });

  it('is removed also where nothing is there', async () => {
    const { firewall, ipfw } = subject();
    await firewall.remove();
    expect(ipfw.rules).toHaveLength(2);
  });
});

describe('rules of an administrator', () => {
  it('do not stand in the way with numbers and sets of their own', () => {
    expect(ipfwCollision(recorded('ipfw-list-freebsd.txt'))).toBeUndefined();
    expect(
      ipfwCollision('00001 set 29 deny ip from table(picket_local_dropped) to any in // picket\n'),
    ).toBeUndefined();
  });

  it('stand in the way with the number or a set that this backend needs', () => {
    expect(ipfwCollision('00001 set 0 allow ip from any to any via lo0\n')).toContain(
      'rule 00001 of set 0 is not ours',
    );
    expect(ipfwCollision('00500 set 29 deny ip from 192.0.2.1 to any\n')).toContain('rule 00500 of set 29');
  });
});

describe('the tables that ipfw lists', () => {
  const heads = async () => {
    const ipfw = createFakeIpfw();
    for (const { command } of IPFW.setUp(STANCE)) await ipfw.run(command);
    return ['1\n1\n', (await ipfw.run({ argv: ['ipfw', 'list', '1'] })).stdout];
  };

  it('are read as FreeBSD prints them', async () => {
    const entries = IPFW.parse([...(await heads()), recorded('ipfw-table-freebsd.txt')], 0);
    expect(entries?.map(({ source }) => source)).toEqual([
      '172.16.2.0/24',
      '192.168.0.0/24',
      '172.16.0.0/24',
    ]);
  });

  it('are not whole without our rules', () => {
    expect(IPFW.parse(['1\n1\n', recorded('ipfw-list-freebsd.txt'), ''], 0)).toBeUndefined();
  });

  entryContract(IPFW, createFakeIpfw);
});
