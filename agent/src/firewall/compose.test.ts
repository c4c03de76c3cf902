import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Source } from '@picket/protocol';
import { afterAll, describe, expect, it } from 'vitest';
import { composeFirewalls } from './compose.ts';
import { firewallContract, put, want } from './contract.ts';
import { type Firewall, FirewallError } from './firewall.ts';
import { createHostsDeny } from './hosts-deny.ts';
import { sourceOf } from './hosts-deny-lines.ts';
import { createLogOnly } from './log-only.ts';

const root = mkdtempSync(join(tmpdir(), 'picket-compose-'));
afterAll(() => rmSync(root, { recursive: true }));

const NETWORKS = { allow: [], onLink: [], enforce: true };

/** A firewall that keeps what it is told; `fails` has the words of what it cannot do at the moment. */
function fake(name: string) {
  const state = {
    fails: undefined as string | undefined,
    calls: [] as string[],
    local: new Set<Source>(),
    shared: new Set<Source>(),
  };
  const does = async (call: string): Promise<void> => {
    state.calls.push(call);
    if (state.fails !== undefined) throw new FirewallError(state.fails);
  };
  const firewall: Firewall = {
    ...{ name, enforces: true },
    async open() {
      await does('open');
      return [{ source: '198.51.100.1', untilMs: 1, tier: 'held' }];
    },
    async apply(wanted) {
      await does('apply');
      state.local = new Set(wanted.local.keys());
    },
    async share(list) {
      await does('share');
      state.shared = new Set(list.keys());
    },
    async look() {
      await does('look');
      return [{ source: '198.51.100.1', untilMs: 1, tier: 'held', packets: 7 }];
    },
    remove: () => does('remove'),
    close: () => does('close'),
  };
  return { state, firewall };
}

let files = 0;
const prepare = async () => {
  const [said, log] = [new Set<string>(), [] as string[]];
  let aheadMs = 0;
  const now = () => Date.now() + aheadMs;
  const file = join(root, `hosts.deny-${files++}`);
  const make = () => {
    const main = createLogOnly((line) => {
      const [, not, source = ''] = /^would (no longer )?block (\S+)$/.exec(line) ?? [];
      if (not === undefined) said.add(source);
      else said.delete(source);
    }, now);
    const tell = (line: string) => void log.push(line);
    const extra = createHostsDeny({ file, daemons: 'ALL', patterns: false, now, log: tell });
    return composeFirewalls(main, [extra], tell);
  };
  const firewall = make();
  const refused = async () => {
    // Nobody waits for the extra but whoever closes it.
    await firewall.close?.();
    const lines = text().match(/(?<=^ALL: ).*$/gm) ?? [];
    const inFile = lines.map((line) => sourceOf(line) ?? line);
    expect(inFile.sort()).toEqual([...said].sort());
    return inFile;
  };
  const text = () => (existsSync(file) ? readFileSync(file, 'utf8') : '');
  const ours = async () => {
    await firewall.close?.();
    return text();
  };
  const pass = (ms: number) => {
    aheadMs += ms;
  };
  const damages = { 'the file': async () => rmSync(file) };
  return { firewall, refused, reopen: make, ours, said: log, pass, damages };
};
firewallContract('log-only+hosts-deny', prepare, { countsNothing: true });

describe('a firewall with others beside it', () => {
  it('is the main one when there is none', () => {
    const { firewall } = fake('nftables');
    expect(composeFirewalls(firewall, [], () => {})).toBe(firewall);
  });

  it('has the names of all, and finds and counts what the main one does', async () => {
    const [main, extra] = [fake('nftables'), fake('hosts-deny')];
    const both = composeFirewalls(main.firewall, [extra.firewall], () => {});
    expect([both.name, both.enforces]).toEqual(['nftables+hosts-deny', true]);
    expect(await both.open(NETWORKS)).toHaveLength(1);
    expect(await both.look()).toMatchObject([{ packets: 7 }]);
    expect(both.watch).toBeUndefined();
  });

  it('goes on when another one fails, tells it once, tries it again, and says when it works', async () => {
    const said: string[] = [];
    const [main, extra] = [fake('nftables'), fake('hosts-deny')];
    extra.state.fails = '/etc/hosts.deny cannot be changed (EROFS)';
    const both = composeFirewalls(main.firewall, [extra.firewall], (line) => said.push(line));
    await both.open(NETWORKS);
    await put(both, want(['198.51.100.7'], ['198.51.100.8']));
    await put(both, want(['198.51.100.7', '198.51.100.9'], ['198.51.100.8']));
    expect([...main.state.local]).toEqual(['198.51.100.7', '198.51.100.9']);
    await expect.poll(() => said).toHaveLength(1);
    extra.state.fails = undefined;
    await expect
      .poll(() => [...extra.state.local, ...extra.state.shared], { timeout: 10_000 })
      .toEqual([...['198.51.100.7', '198.51.100.9', '198.51.100.8']]);
    await expect.poll(() => said).toHaveLength(2);
    expect(said).toEqual([
      'hosts-deny: /etc/hosts.deny cannot be changed (EROFS); trying again',
      'hosts-deny works again',
    ]);
  });

  it('does not wait for another one that hangs', async () => {
    const [main, extra] = [fake('nftables'), fake('hosts-deny')];
    const hanging: Firewall = { ...extra.firewall, apply: () => new Promise(() => {}) };
    const both = composeFirewalls(main.firewall, [hanging], () => {});
    await both.open(NETWORKS);
    await put(both, want(['198.51.100.7']));
    await put(both, want(['198.51.100.9']));
    expect([...main.state.local]).toEqual(['198.51.100.9']);
  });

  it('does not go through a list again for each block', async () => {
    const [main, extra] = [fake('nftables'), fake('hosts-deny')];
    const both = composeFirewalls(main.firewall, [extra.firewall], () => {});
    await both.open(NETWORKS);
    await put(both, want(['198.51.100.7'], ['198.51.100.8']));
    for (const source of ['198.51.100.1', '198.51.100.2']) {
      await both.apply(want([source]));
      await expect.poll(() => [...extra.state.local]).toEqual([source]);
    }
    expect(extra.state.calls.filter((call) => call === 'share')).toHaveLength(1);
  });

  it('removes all of it, and tells the first that failed afterwards', async () => {
    const [main, one, two] = [fake('nftables'), fake('hosts-deny'), fake('other')];
    const all = composeFirewalls(main.firewall, [one.firewall, two.firewall], () => {});
    await all.open(NETWORKS);
    one.state.fails = 'no';
    await expect(all.remove()).rejects.toMatchObject({ code: 'firewall_failed', message: 'no' });
    expect([main, two].map(({ state }) => state.calls.at(-1))).toEqual(['remove', 'remove']);
  });

  it('passes on what the main one notices, and ends when it fails itself', async () => {
    const [main, extra] = [fake('nftables'), fake('hosts-deny')];
    let notice: () => void = () => {};
    const watching: Firewall = {
      ...main.firewall,
      async watch(onChange) {
        notice = onChange;
      },
    };
    const both = composeFirewalls(watching, [extra.firewall], () => {});
    let count = 0;
    await both.watch?.(() => count++);
    notice();
    expect(count).toBe(1);
    main.state.fails = 'nft is gone';
    await expect(both.open(NETWORKS)).rejects.toMatchObject({ message: 'nft is gone' });
  });
});
