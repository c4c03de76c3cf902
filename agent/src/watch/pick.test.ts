import { describe, expect, it } from 'vitest';
import { pickFirewall } from '../firewall/pick.ts';
import { rulesetPolicy } from '../policy/derive.ts';
import { parsePolicy } from '../policy/load.ts';
import { type Command, type Outcome, RunError } from '../run/runner.ts';
import { pickEngine } from './pick.ts';

const OK: Outcome = { status: 0, stdout: '', stderr: '' };
const DENIED: Outcome = {
  status: 1,
  stdout: '',
  stderr: 'Operation not permitted (you must be root)\nnetlink',
};

const OTHER_FIREWALLS = ['ipset', 'iptables-save', 'ip'];

/** A host on which commands end as told; `missing` ones cannot be started, nor those of other firewalls than nftables. */
function host(
  { nft = OK, tcpdump = OK, nflog = true, missing = [] as string[], absent = [] as string[] } = {},
  config = '',
) {
  const policy = parsePolicy(config, 'picket.toml');
  const said: string[] = [];
  const run = async ({ argv }: Command): Promise<Outcome> => {
    const [file] = argv;
    if ([...missing, ...OTHER_FIREWALLS].includes(file))
      throw new RunError('not_started', `${file}: cannot be started (ENOENT)`);
    if (file === 'tcpdump' && argv.includes('-D')) return { ...OK, stdout: nflog ? '7.nflog (Linux)\n' : '' };
    const gone = absent.find((name) => argv[2] === name);
    if (gone !== undefined)
      return { status: 1, stdout: '', stderr: `tcpdump: ${gone}: No such device exists\n` };
    if (file === 'tcpdump') return tcpdump;
    return file === 'nft' ? nft : OK;
  };
  const ruleset = rulesetPolicy(policy, [32_768, 60_999], true);
  return { said, choice: { policy, ruleset, run, now: () => 0, log: (m: string) => said.push(m) } };
}

describe.runIf(process.platform === 'linux')('the choice of engine and firewall', () => {
  it('takes the kernel and nftables where they work', async () => {
    const { choice, said } = host();
    expect([(await pickEngine(choice)).name, (await pickFirewall(choice)).name]).toEqual([
      'kernel',
      'nftables',
    ]);
    expect(said).toEqual([]);
  });

  it.each([
    [{ nft: DENIED }, 'you must be root'],
    [{ missing: ['nft'] }, 'install the package nftables'],
  ])('falls back without nftables (%#), and says why', async (what, why) => {
    const { choice, said } = host(what);
    expect([(await pickEngine(choice)).name, (await pickFirewall(choice)).name]).toEqual([
      'capture',
      'log-only',
    ]);
    expect(said).toEqual([expect.stringContaining(why), expect.stringContaining(why)]);
  });

  it('watches by bound ports and blocks by nftables where only tcpdump is missing', async () => {
    const { choice, said } = host({ missing: ['tcpdump'] });
    expect([(await pickEngine(choice)).name, (await pickFirewall(choice)).name]).toEqual([
      'connect',
      'nftables',
    ]);
    expect(said).toEqual([expect.stringContaining('install the package tcpdump')]);
  });

  it('refuses to start with less than the config asks for by name', async () => {
    await expect(
      pickEngine(host({ nft: DENIED }, '[watch]\nengine = "kernel"').choice),
    ).rejects.toMatchObject({
      code: 'unavailable',
      message: 'watch.engine = "kernel": Operation not permitted (you must be root)',
    });
    await expect(
      pickFirewall(host({ nft: DENIED }, '[block]\nfirewall = "nftables"').choice),
    ).rejects.toThrow('block.firewall = "nftables": Operation not permitted');
    await expect(
      pickEngine(host({}, '[watch]\nengine = "kernel"\n[block]\nfirewall = "log-only"').choice),
    ).rejects.toThrow('it blocks by itself in the nftables table, and block.firewall is "log-only"');
  });

  it('captures packets where the kernel engine cannot tell what it sees, or must not block', async () => {
    const old = host({ nflog: false });
    expect((await pickEngine(old.choice)).name).toBe('capture');
    expect(old.said).toEqual([expect.stringContaining('cannot read NFLOG')]);
    const logOnly = host({}, '[block]\nfirewall = "log-only"');
    expect((await pickEngine(logOnly.choice)).name).toBe('capture');
  });

  it('binds ports where tcpdump may not capture, and says both reasons', async () => {
    const { choice, said } = host({ nft: DENIED, tcpdump: { ...DENIED, stderr: 'tcpdump: any: denied\n' } });
    expect((await pickEngine(choice)).name).toBe('connect');
    expect(said).toEqual([expect.stringMatching(/you must be root.*nor does capture: tcpdump: any: denied/)]);
  });

  it.each(['capture', 'auto'])(
    'names every interface of the config that is not there (engine %s)',
    async (engine) => {
      const config = `[watch]\nengine = "${engine}"\n[capture]\ninterfaces = ["eth0", "eht1", "wlan9"]`;
      const here = { nflog: false, absent: ['eht1', 'wlan9'] };
      await expect(pickEngine(host(here, config).choice)).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringMatching(
          /^capture\.interfaces = \["eth0","eht1","wlan9"\]: "eht1": .*No such device exists; "wlan9": .*; interfaces with an address here: .*lo/,
        ),
      });
      expect((await pickEngine(host({ nflog: false }, config).choice)).name).toBe('capture');
    },
  );

  it('refuses a capture that cannot be, and silence that it cannot keep', async () => {
    await expect(
      pickEngine(host({ missing: ['tcpdump'] }, '[watch]\nengine = "capture"').choice),
    ).rejects.toThrow(/watch.engine = "capture": tcpdump.*install the package tcpdump/);
    await expect(
      pickEngine(host({}, '[watch]\nengine = "capture"\nanswer = "silent"').choice),
    ).rejects.toThrow('watch.answer = "silent": only the kernel engine can be silent');
  });
});
