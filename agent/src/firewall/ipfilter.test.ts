import { describe, expect, it } from 'vitest';
import { firewallContract, put, want } from './contract.ts';
import type { Entry } from './entries.ts';
import { entryContract } from './entry-contract.ts';
import { createEntryFirewall } from './entry-firewall.ts';
import { ipfilterRules } from './ipfilter.ts';
import { createFakeIpfilter } from './ipfilter-fake.ts';

const STANCE = { allow: [], onLink: [], enforce: true };
const IPF = ipfilterRules();
const held = (source: string): Entry => ({ source, tier: 'held', origin: 'local' });
const dropped = (source: string): Entry => ({ source, tier: 'dropped', origin: 'local' });

function subject() {
  const ipf = createFakeIpfilter();
  const said: string[] = [];
  let aheadMs = 0;
  const reopen = () =>
    createEntryFirewall(IPF, {
      ...{ run: ipf.run, now: () => Date.now() + aheadMs, log: (message) => said.push(message) },
    });
  const pass = (ms: number) => {
    aheadMs += ms;
  };
  return { ipf, said, firewall: reopen(), reopen, refused: ipf.refused, ours: ipf.ours, pass };
}

firewallContract('ipfilter', async () => {
  const { ipf, ...rest } = subject();
  const take = (words: string) => {
    for (const family of [4, 6] as const)
      ipf.rules[family] = ipf.rules[family].filter((rule) => !rule.includes(words));
  };
  const damages = {
    'rules flushed': async () => take('set-tag'),
    'all rules of a source': async () => take('from 198.51.100.7/32'),
    'the rule of UDP of a source': async () => take('proto udp from 198.51.100.7/32'),
    'the rule of TCP of a source of the network': async () => take('proto tcp from 192.0.2.0/24'),
  };
  return { ...rest, damages };
});

describe('the commands of ipfilter', () => {
  it('put rules before all others, those of each family by themselves', () => {
    const steps = IPF.add([held('192.0.2.1'), dropped('192.0.2.2'), dropped('2001:db8::/64')], 0);
    expect(steps.map(({ command }) => [command.argv.join(' '), command.stdin])).toEqual([
      [
        'ipf -f -',
        '@0 block in quick proto tcp from 192.0.2.1/32 to any flags S/SA set-tag(log=4715)\n' +
          '@0 block in quick proto udp from 192.0.2.1/32 to any set-tag(log=4715)\n' +
          '@0 block in quick from 192.0.2.2/32 to any set-tag(log=4715)\n',
      ],
      [
        'ipf -6 -f -',
        '@0 block in quick proto tcp from 2001:db8::/64 to any set-tag(log=4715)\n' +
          '@0 block in quick proto udp from 2001:db8::/64 to any set-tag(log=4715)\n',
      ],
    ]);
  });

  it('take the same rules away', () => {
    const [step] = IPF.remove([dropped('192.0.2.2')]);
    expect(step?.command).toEqual({
      argv: ['ipf', '-r', '-f', '-'],
      stdin: 'block in quick from 192.0.2.2/32 to any set-tag(log=4715)\n',
    });
  });
});

describe('ipfilter as its manual page tells', () => {
  it('keeps the rules of an administrator, and when all is removed', async () => {
    const { ipf, firewall, reopen } = subject();
    const theirs = 'block in quick from 198.51.100.66/32 to any';
    ipf.rules[4].unshift(theirs);
    await firewall.open(STANCE);
    await put(firewall, want(['192.0.2.1'], ['2001:db8:5::/64']));
    await reopen().remove();
    expect(ipf.rules).toEqual({
      4: [theirs, 'pass in quick on lo0 all', 'pass in all'],
      6: ['pass in quick on lo0 all'],
    });
  });

  it('takes a rule that is there already for done, and any other word for a failure', async () => {
    const { ipf, firewall, refused } = subject();
    await firewall.open(STANCE);
    for (const { command } of IPF.add([held('192.0.2.1')], 0)) await ipf.run(command);
    await put(firewall, want(['192.0.2.1']));
    expect(await refused()).toEqual(['192.0.2.1']);
    ipf.isPermitted = false;
    await expect(put(firewall, want(['192.0.2.9']))).rejects.toThrow('Permission denied');
  });

  it('is refused by name while it does not run', async () => {
    const { ipf, firewall } = subject();
    ipf.isRunning = false;
    await expect(firewall.open(STANCE)).rejects.toThrow('svcadm enable network/ipfilter');
  });

  it('gets its rules again when others loaded theirs anew', async () => {
    const { ipf, firewall, refused } = subject();
    await firewall.open(STANCE);
    await put(firewall, want(['192.0.2.1']));
    ipf.rules[4] = ['pass in all'];
    await firewall.look();
    expect(await refused()).toEqual(['192.0.2.1']);
  });

  it('counts what all rules of a source refused', async () => {
    const { ipf, firewall } = subject();
    await firewall.open(STANCE);
    await put(firewall, want(['192.0.2.1']));
    for (const rule of ipf.rules[4].slice(0, 2)) ipf.hits.set(rule, 3);
    expect(await firewall.look()).toMatchObject([{ source: '192.0.2.1', tier: 'held', packets: 6 }]);
  });
});

describe('the rules that ipfstat prints', () => {
  entryContract(IPF, createFakeIpfilter);
});
