import { describe, expect, it } from 'vitest';
import type { Command, Outcome } from '../run/runner.ts';
import { firewallContract, put, want } from './contract.ts';
import type { Entry, EntryCommands } from './entries.ts';
import { createEntryFirewall } from './entry-firewall.ts';
import { spares } from './entry-spared.ts';
import { FirewallError } from './firewall.ts';

const NETWORKS = { allow: [], onLink: [], enforce: true };
const HOUR_MS = 3_600_000;

/** Kinds of systems: lists apart and ends of their own, or one list without either. */
const KINDS = {
  apart: { keepsApart: true, keepsEnds: true },
  single: { keepsApart: false, onlyTier: 'dropped' },
} as const satisfies Record<string, Partial<EntryCommands>>;

type Kind = keyof typeof KINDS;

/** A program that holds sources and behaves as such programs do: words on stderr, a status, and refusals. */
function createTool(kind: Kind) {
  const tool = {
    /** Undefined while nothing is set up. Value: unix ms of the end. */
    entries: undefined as Map<string, number> | undefined,
    ran: [] as string[],
    /** Words with which the next commands of a verb are refused. */
    refuses: new Map<string, string>(),
    delay: undefined as Promise<void> | undefined,
    nowMs: Date.now(),
  };
  const live = () => {
    const keeps = KINDS[kind].keepsApart;
    return [...(tool.entries ?? [])].filter(([, untilMs]) => !keeps || untilMs > tool.nowMs);
  };
  const verbs: Record<string, (words: string[]) => string | undefined> = {
    setup: () => {
      tool.entries ??= new Map();
      return '';
    },
    list: () =>
      live()
        .map(([key, untilMs]) => `${key} ${untilMs}`)
        .join('\n'),
    add: (words) => {
      for (const word of words) tool.entries?.set(word.split(' ')[0] ?? '', Number(word.split(' ')[1]));
      return '';
    },
    remove: (words) => {
      for (const word of words) tool.entries?.delete(word);
      return '';
    },
    teardown: () => {
      tool.entries = undefined;
      return '';
    },
  };
  const run = async ({ argv: [, verb = ''], stdin = '' }: Command): Promise<Outcome> => {
    tool.ran.push(verb);
    await tool.delay;
    const refusal = tool.refuses.get(verb);
    if (refusal !== undefined) return { status: 1, stdout: '', stderr: refusal };
    const isMissing = tool.entries === undefined && verb !== 'setup';
    if (isMissing) return { status: 1, stdout: '', stderr: 'tool: no such table' };
    return { status: 0, stdout: verbs[verb]?.(stdin.split('\n').filter(Boolean)) ?? '', stderr: '' };
  };
  return Object.assign(tool, { run, live });
}

function commandsOf(kind: Kind): EntryCommands {
  const command = (verb: string, lines: readonly string[] = []): Command => ({
    argv: ['tool', verb],
    stdin: lines.join('\n'),
  });
  const key = ({ origin, tier, source }: Entry) =>
    kind === 'apart' ? `${origin}/${tier}/${source}` : `local/dropped/${source}`;
  return {
    name: `the ${kind} tool`,
    ...KINDS[kind],
    setUp: () => [{ command: command('setup') }],
    list: () => [command('list')],
    parse: ([output = '']) =>
      output
        .split('\n')
        .filter(Boolean)
        .map((line) => {
          const [, origin, tier, source, untilMs] = /^(\w+)\/(\w+)\/(\S+) (\d+)$/.exec(line) ?? [];
          const entry = { source, origin, tier } as Entry;
          return kind === 'apart' ? { ...entry, untilMs: Number(untilMs) } : entry;
        }),
    add: (entries) => [
      {
        command: command(
          'add',
          entries.map((e) => `${key(e)} ${e.untilMs}`),
        ),
      },
    ],
    remove: (entries) => [{ command: command('remove', entries.map(key)) }],
    tearDown: () => [{ command: command('teardown'), fine: /^tool: no such table$/ }],
  };
}

function subjectOf(kind: Kind) {
  const tool = createTool(kind);
  const said: string[] = [];
  const reopen = () =>
    createEntryFirewall(commandsOf(kind), { run: tool.run, now: () => tool.nowMs, log: (m) => said.push(m) });
  const refused = async () => [...new Set(tool.live().map(([key]) => key.split('/').slice(2).join('/')))];
  const ours = async () =>
    [...(tool.entries?.keys() ?? [])].sort().join('\n') + (tool.entries === undefined ? '' : ' set up');
  const pass = (ms: number) => {
    tool.nowMs += ms;
  };
  return { tool, said, firewall: reopen(), reopen, refused, ours, pass };
}

/** What others may do to a tool. */
function damagesOf({ tool }: ReturnType<typeof subjectOf>) {
  const take = (isTaken: (key: string) => boolean) => async () => {
    for (const key of tool.entries?.keys() ?? []) if (isTaken(key)) tool.entries?.delete(key);
  };
  return {
    everything: async () => {
      tool.entries = undefined;
    },
    'all entries': take(() => true),
    'one entry': take((key) => key.endsWith('/198.51.100.7')),
    'an entry of the network': take((key) => key.endsWith('/192.0.2.0/24')),
  };
}

for (const kind of ['apart', 'single'] as const) {
  firewallContract(`entries, ${kind} tool`, async () => {
    const subject = subjectOf(kind);
    return { ...subject, damages: damagesOf(subject) };
  });

  describe(`entries over the ${kind} tool`, () => {
    it('put everything back and say so when others removed all', async () => {
      const { firewall, tool, said, refused } = subjectOf(kind);
      await firewall.open(NETWORKS);
      await put(firewall, want(['198.51.100.7'], ['198.51.100.8']));
      tool.entries = undefined;
      await firewall.look();
      expect((await refused()).sort()).toEqual(['198.51.100.7', '198.51.100.8']);
      expect(said.join()).toContain('others changed what was set up');
    });

    it('put everything back when a change finds that others removed all', async () => {
      const { firewall, tool, refused } = subjectOf(kind);
      await firewall.open(NETWORKS);
      await put(firewall, want(['198.51.100.7'], ['198.51.100.8']));
      tool.entries = undefined;
      await firewall.apply(want(['198.51.100.7', '198.51.100.9']));
      expect((await refused()).sort()).toEqual(['198.51.100.7', '198.51.100.8', '198.51.100.9']);
    });

    it('put back single blocks that others removed, and take out what nobody wants', async () => {
      const { firewall, tool, said, refused } = subjectOf(kind);
      await firewall.open(NETWORKS);
      await put(firewall, want(['198.51.100.7', '198.51.100.8']));
      const [first = ''] = tool.entries?.keys() ?? [];
      tool.entries?.delete(first);
      tool.entries?.set('local/dropped/192.0.2.1', tool.nowMs + HOUR_MS);
      await firewall.look();
      expect((await refused()).sort()).toEqual(['198.51.100.7', '198.51.100.8']);
      expect(said.join()).toContain('removed 1 blocks');
    });

    it('never block what the allow list overlaps, nor a directly connected network', async () => {
      const { firewall, refused } = subjectOf(kind);
      const stance = { ...NETWORKS, allow: ['203.0.113.0/26', '2001:db8:7::1'], onLink: ['2001:db8:9::/64'] };
      await firewall.open(stance);
      const never = [
        '203.0.113.9',
        '203.0.113.0/24',
        '2001:db8:7::/64',
        '2001:db8:9::/64',
        '2001:db8:8::/46',
      ];
      await put(firewall, { ...want(never.slice(0, 2), [...never, '198.51.100.7']), ...stance });
      expect(await refused()).toEqual(['198.51.100.7']);
    });

    it('let go whoever is allowed from now on, and block again whoever is not', async () => {
      const { firewall, refused } = subjectOf(kind);
      await firewall.open(NETWORKS);
      const wanted = { ...want(['198.51.100.7'], ['198.51.100.8']), ...NETWORKS };
      await put(firewall, wanted);
      await firewall.apply({ ...wanted, allow: ['198.51.100.0/24'] });
      expect(await refused()).toEqual([]);
      await firewall.apply(wanted);
      expect((await refused()).sort()).toEqual(['198.51.100.7', '198.51.100.8']);
    });

    it('refuse nobody while blocks are not carried out, and everybody as before afterwards', async () => {
      const { firewall, refused } = subjectOf(kind);
      await firewall.open(NETWORKS);
      const wanted = { ...want(['198.51.100.7'], ['198.51.100.8']), ...NETWORKS };
      await put(firewall, { ...wanted, enforce: false });
      expect(await refused()).toEqual([]);
      await firewall.apply(wanted);
      expect((await refused()).sort()).toEqual(['198.51.100.7', '198.51.100.8']);
    });

    it('keep what was in force when the agent starts again, until it knows what is wanted', async () => {
      const { firewall, reopen, refused } = subjectOf(kind);
      await firewall.open(NETWORKS);
      await put(firewall, want(['198.51.100.7'], ['198.51.100.8']));
      const again = reopen();
      await again.open(NETWORKS);
      await again.apply(want(['198.51.100.7']));
      expect((await refused()).sort()).toEqual(['198.51.100.7', '198.51.100.8']);
      await again.share(new Map());
      expect(await refused()).toEqual(['198.51.100.7']);
    });

    it('end by themselves or by the agent at their time', async () => {
      const { firewall, tool, refused } = subjectOf(kind);
      await firewall.open(NETWORKS);
      await put(firewall, want(['198.51.100.7'], ['198.51.100.8']));
      tool.nowMs += HOUR_MS + 1_000;
      await firewall.look();
      expect(await refused()).toEqual([]);
    });

    it('tell a refusal in the words of the command, and get there when it is over', async () => {
      const { firewall, tool, refused } = subjectOf(kind);
      await firewall.open(NETWORKS);
      tool.refuses.set('add', 'tool: permission denied');
      const failure = await firewall.apply(want(['198.51.100.7'])).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(FirewallError);
      expect(failure).toMatchObject({ message: 'tool add: tool: permission denied' });
      tool.refuses.clear();
      await firewall.apply(want(['198.51.100.7']));
      expect(await refused()).toEqual(['198.51.100.7']);
    });

    it('remove in the end what a refused change was to remove', async () => {
      const { firewall, tool, refused } = subjectOf(kind);
      await firewall.open(NETWORKS);
      await put(firewall, want(['198.51.100.7']));
      tool.refuses.set('remove', 'tool: busy');
      await expect(firewall.apply(want([]))).rejects.toThrow('busy');
      tool.refuses.clear();
      await firewall.apply(want([]));
      expect(await refused()).toEqual([]);
    });

    it('put a block of the host in force while a long list is being put in', async () => {
      const { firewall, tool } = subjectOf(kind);
      await firewall.open(NETWORKS);
      const many = Array.from({ length: 20_000 }, (_, i) => `198.18.${i >> 8}.${i & 255}`);
      const sharing = firewall.share(want([], many).shared).then(() => tool.entries?.size);
      await firewall.apply({ ...want(['203.0.113.7']), ...NETWORKS });
      expect(tool.entries?.size).toBeLessThan(10_000);
      expect(await sharing).toBe(20_001);
    });
  });
}

describe('entries of a system without room', () => {
  it('leave out what does not fit, half of it for the host itself, and say so once', async () => {
    const { tool, said } = subjectOf('apart');
    const small = { ...commandsOf('apart'), most: 4 };
    const firewall = createEntryFirewall(small, {
      ...{ run: tool.run, now: () => tool.nowMs, log: (m: string) => said.push(m) },
    });
    await firewall.open(NETWORKS);
    await put(firewall, want([], ['192.0.2.1', '192.0.2.2', '192.0.2.3']));
    await firewall.apply(want(['192.0.2.4', '192.0.2.5', '192.0.2.6']));
    const origins = tool.live().map(([key]) => key.split('/')[0]);
    expect(origins.sort()).toEqual(['local', 'local', 'shared', 'shared']);
    expect(said.filter((m) => m.includes('holds 4 sources at most'))).toHaveLength(1);
    await firewall.apply(want(['192.0.2.6']));
    await firewall.look();
    expect(tool.live().map(([key]) => key.split('/')[2])).toContain('192.0.2.6');
  });
});

it('spares no IPv4 source for an IPv6 network that its mapped address would be of', () => {
  expect(spares({ allow: ['::/64'], onLink: [] })('203.0.113.200')).toBe(false);
});
