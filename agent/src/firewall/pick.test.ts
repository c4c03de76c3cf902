import { describe, expect, it } from 'vitest';
import { rulesetPolicy } from '../policy/derive.ts';
import { parsePolicy } from '../policy/load.ts';
import { type Command, type Outcome, RunError } from '../run/runner.ts';
import { pickEngine } from '../watch/pick.ts';
import { entryFirewallsHere, pickFirewall, surveyFirewalls } from './pick.ts';

const OK: Outcome = { status: 0, stdout: '', stderr: '' };

/** What commands say that are not permitted, recorded: nft 1.0.6, ipset 7.17, iptables 1.8.9, iproute2 6.1. */
const DENIED: Readonly<Record<string, string>> = {
  nft: 'Operation not permitted (you must be root)',
  ipset: 'ipset v7.17: Kernel error received: Operation not permitted',
  'iptables-save':
    'iptables-save v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)',
  ip: 'RTNETLINK answers: Operation not permitted',
};

/** A host with these programs and no others; those of `denied` may not do anything. */
function host(programs: readonly string[], config = '', denied: readonly string[] = []) {
  const policy = parsePolicy(config, 'picket.toml');
  const said: string[] = [];
  const ran: Command[] = [];
  const run = async (command: Command): Promise<Outcome> => {
    const [file] = command.argv;
    if (!programs.includes(file)) throw new RunError('not_started', `${file}: cannot be started (ENOENT)`);
    ran.push(command);
    if (denied.includes(file)) return { status: 1, stdout: '', stderr: DENIED[file] ?? '' };
    if (file === 'ip') return { status: 2, stdout: '', stderr: 'RTNETLINK answers: No such process\n' };
    return file === 'tcpdump' ? { ...OK, stdout: '7.nflog (Linux)\n' } : OK;
  };
  const ruleset = rulesetPolicy(policy, [32_768, 60_999], true);
  return { said, ran, choice: { policy, ruleset, run, now: () => 0, log: (m: string) => said.push(m) } };
}

const IPTABLES = ['iptables-save', 'iptables-restore'];
const IP6TABLES = ['ip6tables-save', 'ip6tables-restore'];
const ALL = ['nft', 'ipset', ...IPTABLES, ...IP6TABLES, 'ip'];

describe.runIf(process.platform === 'linux')('the choice of firewall', () => {
  it.each([
    [ALL, 'nftables'],
    [ALL.slice(1), 'iptables-ipset'],
    [ALL.slice(2), 'iptables'],
    [['ip'], 'route'],
    [[], 'log-only'],
  ])('takes the best of %j: %s', async (programs, name) => {
    expect((await pickFirewall(host(programs).choice)).name).toBe(name);
  });

  it('says why not the better ones, in the words of their programs', async () => {
    const { choice, said } = host(ALL, '', ['nft', 'ipset', 'iptables-save']);
    expect((await pickFirewall(choice)).name).toBe('route');
    expect(said[0]).toMatch(
      /^blocking by route, since nftables does not work here: Operation not permitted.*iptables-ipset.*Kernel error received.*iptables does not work here: iptables-save: .*you must be root/,
    );
    expect(said[1]).toContain('block.established = "keep" cannot be kept');
  });

  it.each([
    ['also = ["hosts-deny"]', 'block.also = ["hosts-deny"]'],
    ['firewall = "hosts-deny"', 'block.firewall = "hosts-deny"'],
  ])('refuses a hosts.deny that is no file by name: %s', async (config, name) => {
    for (const [file, what] of [
      ['/dev/null', 'a device'],
      ['/proc', 'a folder'],
    ]) {
      const { choice } = host(ALL, `[block]\n${config}\n[hosts_deny]\nfile = "${file}"`);
      const failure = await pickFirewall(choice).catch((error: Error) => error);
      expect(failure).toMatchObject({
        name: 'UnavailableError',
        message: `${name}: ${file} is no file but ${what}`,
      });
    }
  });

  it('tells nothing but log-only where a program is there and may not be used', async () => {
    const { choice, said } = host(ALL, '', ['nft', 'ipset', 'iptables-save', 'ip']);
    expect((await pickFirewall(choice)).name).toBe('log-only');
    expect(said).toEqual([
      expect.stringMatching(/^no blocking on this host.*route does not work here: ip: RTNETLINK/),
    ]);
  });

  it('says that IPv6 sources are not blocked where there is no ip6tables', async () => {
    const { choice, said } = host(['ipset', ...IPTABLES], '[block]\nfirewall = "iptables-ipset"');
    expect((await pickFirewall(choice)).name).toBe('iptables-ipset');
    expect(said).toEqual([expect.stringContaining('IPv6 sources are not blocked: ip6tables-save')]);
  });

  it.each([
    ['iptables-ipset', ['nft'], /^block.firewall = "iptables-ipset": ipset: .*install the package ipset/],
    ['pf', ALL, /^block.firewall = "pf": /],
    ['route', ['nft'], /^block.firewall = "route": ip: .*install the package iproute2/],
  ])('refuses to start with %s by name where it does not work', async (name, programs, words) => {
    const { choice } = host(programs, `[block]\nfirewall = "${name}"`);
    await expect(pickFirewall(choice)).rejects.toMatchObject({ code: 'unavailable', message: words });
  });

  it('takes no route that would cut off what is forwarded against the policy', async () => {
    const { choice, said } = host(['ip'], '[block]\nforwarded = false');
    expect((await pickFirewall(choice)).name).toBe('log-only');
    expect(said.join()).toContain('block.forwarded is false');
  });

  it('leaves the kernel engine to nftables: another firewall by name makes it refuse, or capture', async () => {
    const config = '[block]\nfirewall = "iptables"\n';
    const programs = [...ALL, 'tcpdump'];
    await expect(
      pickEngine(host(programs, `${config}[watch]\nengine = "kernel"`).choice),
    ).rejects.toMatchObject({
      code: 'unavailable',
      message:
        'watch.engine = "kernel": it blocks by itself in the nftables table, and block.firewall is "iptables"',
    });
    const { choice, said } = host(programs, config);
    expect((await pickEngine(choice)).name).toBe('capture');
    expect(said.join()).toContain('block.firewall is "iptables"');
    expect((await pickEngine(host(programs).choice)).name).toBe('kernel');
  });

  it('surveys all, in the order of preference, and changes nothing', async () => {
    const { choice, ran } = host(ALL, '', ['nft']);
    const survey = await surveyFirewalls(choice);
    expect(survey.slice(0, 4)).toEqual([
      { name: 'nftables', works: false, why: DENIED.nft },
      { name: 'iptables-ipset', works: true },
      { name: 'iptables', works: true },
      { name: 'route', works: true },
    ]);
    // Whether hosts.deny may be written depends on who runs this.
    const others = survey.slice(4).filter(({ name }) => name !== 'hosts-deny');
    expect(others.map(({ name, works, why, isElsewhere }) => [name, works, why, isElsewhere])).toEqual([
      ['pf', false, 'it is not for linux', true],
      ['ipfw', false, 'it is not for linux', true],
      ['ipfilter', false, 'it is not for linux', true],
      ['command', false, 'command.argv is empty', undefined],
      ['log-only', true, undefined, undefined],
    ]);
    const words = ran.map(({ argv }) => argv.join(' '));
    const harmless = /-save |--test|--check|list -n|route del blackhole (?:127\.0\.0\.1|::1) proto 112$/;
    expect(words.filter((w) => !harmless.test(w))).toEqual([]);
  });

  it('knows in which others an agent of before may have left blocks', async () => {
    const here = await entryFirewallsHere(host(ALL, '', ['ipset']).choice);
    expect(here.map(({ name }) => name)).toEqual(['iptables', 'route']);
  });
});
