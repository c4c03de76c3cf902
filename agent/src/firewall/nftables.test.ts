import { describe, expect, it } from 'vitest';
import type { Command, Outcome } from '../run/runner.ts';
import { RULESET_POLICY, want } from './contract.ts';
import { FirewallError } from './firewall.ts';
import { createNftables } from './nftables.ts';

const NETWORKS = { allow: [], onLink: [], enforce: true };
const OK: Outcome = { status: 0, stdout: '{"nftables":[]}', stderr: '' };

/** nft as a program that answers as told, and remembers the scripts it was given. */
function fakeNft(answer: (script: string) => Outcome | undefined) {
  const scripts: string[] = [];
  const run = async ({ argv, stdin }: Command): Promise<Outcome> => {
    if (argv[1] !== '-f') return answer(argv.join(' ')) ?? OK;
    scripts.push(stdin ?? '');
    return answer(stdin ?? '') ?? OK;
  };
  return {
    scripts,
    firewall: createNftables({ run, now: () => 1_000_000, policy: RULESET_POLICY, log: () => {} }),
  };
}

describe('createNftables', () => {
  it('loads the table, the allow list and an empty shared list in one transaction', async () => {
    const { firewall, scripts } = fakeNft(() => undefined);
    await firewall.open({ allow: ['192.0.2.1'], onLink: [], enforce: true });
    expect(scripts).toHaveLength(1);
    expect(scripts[0]).toContain('add element inet picket allow4 { 192.0.2.1 }');
  });

  it('makes the table anew with the blocks in force when another version of it is in the way', async () => {
    const held = {
      set: { name: 'held4', elem: [{ elem: { val: '198.51.100.7', timeout: 60, expires: 30 } }] },
    };
    const { firewall, scripts } = fakeNft((script) => {
      if (script.endsWith('held4')) return { ...OK, stdout: JSON.stringify({ nftables: [held] }) };
      const isFirst = script.includes('flush table') && !script.includes('delete table');
      return isFirst
        ? { status: 1, stdout: '', stderr: 'Error: Could not process rule: File exists' }
        : undefined;
    });
    expect(await firewall.open(NETWORKS)).toEqual([
      { source: '198.51.100.7', tier: 'held', untilMs: 1_030_000 },
    ]);
    expect(scripts[1]).toMatch(
      /delete table inet picket[\s\S]*add element inet picket held4 { 198\.51\.100\.7 timeout 30s }/,
    );
  });

  it("gives up with nft's own words when the table cannot be made at all", async () => {
    const { firewall } = fakeNft(() => ({
      status: 1,
      stdout: '',
      stderr: 'Operation not permitted (you must be root)',
    }));
    const failure = await firewall.apply(want(['198.51.100.7'])).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(FirewallError);
    expect(failure).toMatchObject({
      code: 'firewall_failed',
      message: expect.stringContaining('you must be root'),
    });
  });

  it("makes everything again, also the kernel's own blocks, when a change finds its table gone", async () => {
    let isFlushed = false;
    const { firewall, scripts } = fakeNft((script) => {
      const fails = isFlushed && script.startsWith('add element');
      if (fails) isFlushed = false;
      return fails ? { status: 1, stdout: '', stderr: 'No such file or directory' } : undefined;
    });
    await firewall.open(NETWORKS);
    const byKernel = want(['198.51.100.7'], [], { decidedBy: 'kernel', untilMs: 2_000_000 });
    await firewall.apply({ ...byKernel, ...NETWORKS });
    expect(scripts.join('')).not.toContain('198.51.100.7');
    isFlushed = true;
    const more = want(['192.0.2.9'], [], { untilMs: 2_000_000 });
    await firewall.apply({
      ...NETWORKS,
      local: new Map([...byKernel.local, ...more.local]),
    });
    expect(scripts.at(-1)).toContain('198.51.100.7 timeout 1000s');
  });

  it('leaves alone what has ended: the kernel may have blocked it anew', async () => {
    let nowMs = 1_000_000;
    const scripts: string[] = [];
    const run = async ({ argv, stdin }: Command): Promise<Outcome> => {
      if (argv[1] === '-f') scripts.push(stdin ?? '');
      return OK;
    };
    const firewall = createNftables({ run, now: () => nowMs, policy: RULESET_POLICY, log: () => {} });
    await firewall.open(NETWORKS);
    await firewall.apply({ ...want(['198.51.100.7'], [], { untilMs: 1_060_000 }), ...NETWORKS });
    nowMs = 1_060_001;
    const before = scripts.length;
    await firewall.apply({ ...want([]), ...NETWORKS });
    expect(scripts.slice(before).join('')).not.toContain('delete element');
  });

  it('resets the evidence of a source that is lifted, but not of one whose time is over', async () => {
    const { firewall, scripts } = fakeNft(() => undefined);
    await firewall.open(NETWORKS);
    const local = (source: string, untilMs: number) => [...want([source], [], { untilMs }).local] as const;
    const both = new Map([...local('198.51.100.7', 2_000_000), ...local('198.51.100.8', 1_000_500)]);
    await firewall.apply({ ...NETWORKS, local: both });
    await firewall.apply({ ...NETWORKS, local: new Map() });
    expect(scripts.at(-1)).toContain('delete element inet picket rate4 { 198.51.100.7, 198.51.100.8 }');
  });
});
