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

/** A host on which commands end as told; `missing` ones cannot be started. */
function host({ nft = OK, missing = [] as string[] } = {}, config = '') {
  const policy = parsePolicy(config, 'picket.toml');
  const said: string[] = [];
  const run = async ({ argv: [file] }: Command): Promise<Outcome> => {
    if (missing.includes(file)) throw new RunError('not_started', `${file}: cannot be started (ENOENT)`);
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
      'connect',
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
    ).rejects.toThrow('it blocks by itself, and block.firewall is "log-only"');
  });
});
