import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePolicy } from '../policy/load.ts';
import { damagedFiles } from './damaged.ts';
import { type EngineFacts, engineCheck, nflogGroups } from './engines.ts';
import type { Finding } from './finding.ts';
import { firewallCheck, type SurveyedFirewall } from './firewalls.ts';
import type { HostFiles } from './host-files.ts';
import { policyCheck } from './policy.ts';
import { effectiveCapabilities, privilegesCheck } from './privileges.ts';
import { softwareCheck } from './software.ts';
import { type FileFacts, stateCheck } from './state.ts';
import { systemCheck } from './system.ts';

const grades = (found: readonly Finding[]) => found.map(({ grade }) => grade);
const wrongs = (found: readonly Finding[]) => found.filter(({ grade }) => grade === 'wrong');

const filesOf = (texts: Record<string, string>): HostFiles => ({
  read: async (path) => texts[path],
  list: async (path) => [
    ...new Set(
      Object.keys(texts).flatMap((file) =>
        file.startsWith(`${path}/`) ? (file.slice(path.length + 1).split('/')[0] ?? []) : [],
      ),
    ),
  ],
});

describe('the check of the policy', () => {
  it('tells the words of the reader', async () => {
    const facts = { file: '/etc/picket/picket.toml', isThere: true, mode: 'enforce' } as const;
    const [finding] = await policyCheck({ ...facts, fault: '/etc/picket/picket.toml:3: unknown key "x"' })();
    expect(finding).toMatchObject({ grade: 'wrong', what: expect.stringContaining('unknown key') });
    expect(grades(await policyCheck({ ...facts, fault: undefined })())).toEqual(['ok']);
    expect(grades(await policyCheck({ ...facts, fault: undefined, mode: 'observe' })())).toEqual([
      'ok',
      'note',
    ]);
  });
});

describe('the check of the system', () => {
  it.each([
    ['20.18.9', 'wrong'],
    ['20.19.0', 'ok'],
    ['22.0.0', 'ok'],
    ['18.20.0', 'wrong'],
  ])('finds Node %s %s', async (version, grade) => {
    const run = () => Promise.reject(new Error('not there'));
    expect(grades(await systemCheck(run, version)())).toEqual([grade]);
  });
});

describe('the check of the state folder', () => {
  const folder = (
    files: Record<string, FileFacts | 'denied'>,
    space = { freeBytes: 2 ** 30, freeFiles: 9 as number | undefined },
    damaged: readonly string[] = [],
  ) =>
    stateCheck({
      path: '/var/lib/picket',
      facts: async (name) => files[name],
      names: async () => Object.keys(files).filter((name) => name !== '.'),
      space: async () => space,
      damaged: async () => damaged,
    })();
  const own = { uid: 999, mode: 0o700 };
  const file = { uid: 999, mode: 0o600 };

  it('finds a private folder with room good', async () => {
    expect(grades(await folder({ '.': own, 'identity.jwk': file }))).toEqual(['ok', 'ok']);
  });

  it('tells each file that an agent would take for empty', async () => {
    const policy = parsePolicy('', '');
    const texts: Record<string, string> = {
      '/var/lib/picket/pause.json': '{"atMs":',
      '/var/lib/picket/allowed.json': '[{}]',
      '/var/lib/picket/lifted.json': '[]',
    };
    const damaged = await damagedFiles(policy, async (path) => texts[path]);
    expect(damaged).toEqual(['/var/lib/picket/pause.json', '/var/lib/picket/allowed.json']);
    const told = wrongs(await folder({ '.': own, 'identity.jwk': file }, undefined, damaged));
    expect(told.map(({ what }) => what)).toEqual(
      damaged.map((path) => expect.stringContaining(`${path} is damaged`)),
    );
  });

  it.each<[string, Record<string, FileFacts>, string]>([
    ['a folder that others can enter', { '.': { uid: 999, mode: 0o755 } }, 'chmod 700 /var/lib/picket'],
    ['a key that others can read', { '.': own, 'identity.jwk': { uid: 999, mode: 0o640 } }, 'chmod 600'],
    [
      "a file of root in the agent's folder",
      { '.': own, 'history.jsonl': { uid: 0, mode: 0o600 } },
      'chown -R 999 /var/lib/picket',
    ],
  ])('finds %s wrong', async (_, files, todo) => {
    const [finding, ...more] = wrongs(await folder(files));
    expect(finding?.todo).toContain(todo);
    expect(more).toEqual([]);
  });

  it('finds a full disk wrong, and one without room for another file', async () => {
    expect(wrongs(await folder({ '.': own }, { freeBytes: 2 ** 20, freeFiles: undefined }))).toHaveLength(1);
    expect(wrongs(await folder({ '.': own }, { freeBytes: 2 ** 40, freeFiles: 0 }))[0]?.todo).toContain(
      'inodes',
    );
  });

  it('only notes a folder that is not there yet, or may not be looked into', async () => {
    expect(grades(await folder({}))).toEqual(['note']);
    expect(grades(await folder({ '.': 'denied' }))).toEqual(['note']);
    expect(grades(await folder({ '.': own, 'identity.jwk': 'denied' }))).toEqual(['note']);
  });
});

describe('the check of privileges', () => {
  const status = (hex: string) => ({
    '/proc/self/status': `CapEff:\t${hex}\n`,
    '/proc/77/status': `Name:\tnode\nCapEff:\t${hex}\n`,
  });

  it('finds an agent without a capability wrong, and this user without one a note', async () => {
    const all = filesOf(status('0000000000003400'));
    const none = filesOf(status('0000000000000400'));
    expect(grades(await privilegesCheck(all, 77)())).toEqual(['ok']);
    expect(grades(await privilegesCheck(none, 77)())).toEqual(['wrong']);
    expect(grades(await privilegesCheck(none, undefined)())).toEqual(['note']);
    expect(grades(await privilegesCheck(filesOf({}), undefined)())).toEqual(['note']);
  });

  it('reads capabilities of whatever text without a throw', () => {
    fc.assert(
      fc.property(fc.string(), fc.stringMatching(/^[0-9a-f]{1,16}$/), (noise, hex) => {
        effectiveCapabilities(noise);
        expect(effectiveCapabilities(`Name:\tx\nCapEff:\t${hex}\nCapBnd:\t0\n`)).toBe(BigInt(`0x${hex}`));
      }),
    );
  });
});

describe('the check of firewalls', () => {
  const all: SurveyedFirewall[] = [
    { name: 'nftables', works: false, why: 'nft: cannot be started (ENOENT)' },
    { name: 'iptables-ipset', works: true },
    { name: 'log-only', works: true },
  ];
  const check = (wanted: string, list = all) => firewallCheck(async () => list, wanted)();

  it('says which one auto takes, and why not a better one', async () => {
    const found = await check('auto');
    expect(found[0]).toMatchObject({ grade: 'ok', what: 'block.firewall = "auto" takes iptables-ipset' });
    expect(found[1]).toMatchObject({
      grade: 'note',
      what: 'nftables cannot be used: nft: cannot be started (ENOENT)',
    });
  });

  it('finds it wrong when nobody would be refused, or the wanted one does not work', async () => {
    expect(
      wrongs(
        await check(
          'auto',
          [all[0], all[2]].flatMap((each) => each ?? []),
        ),
      ),
    ).toHaveLength(1);
    expect((await check('nftables'))[0]).toMatchObject({
      grade: 'wrong',
      what: expect.stringContaining('ENOENT'),
    });
    expect((await check('pf'))[0]).toMatchObject({
      grade: 'wrong',
      what: expect.stringContaining('not for this system'),
    });
  });

  it('says in one line which are for other systems', async () => {
    const elsewhere = ['pf', 'ipfw'].map((name) => ({ name, works: false, why: 'x', isElsewhere: true }));
    const notes = (await check('auto', [...all, ...elsewhere])).filter(({ grade }) => grade === 'note');
    expect(notes.map(({ what }) => what)).toEqual([
      'nftables cannot be used: nft: cannot be started (ENOENT)',
      'pf, ipfw are for other systems',
    ]);
    expect((await check('pf', [...all, ...elsewhere])).at(-1)?.what).toBe('ipfw is for other systems');
  });

  it('takes log-only for what a person chose', async () => {
    expect((await check('log-only'))[0]?.grade).toBe('note');
  });
});

describe('the check of engines', () => {
  const LOG = '/proc/net/netfilter/nfnetlink_log';
  const CHECKSUM = '/proc/sys/net/netfilter/nf_conntrack_checksum';
  const check = (more: Partial<EngineFacts> = {}, texts: Record<string, string> = {}) =>
    engineCheck({
      ...{ whyNot: async () => undefined, wanted: 'auto', running: undefined, nflogGroup: 4715 },
      read: async (path) => ({ [LOG]: '', [CHECKSUM]: '1\n', ...texts })[path],
      ...more,
    })();
  const listening = { [LOG]: ' 4715  12345     0 2 65535   100  1\n' };

  it('finds a wanted engine that does not work wrong, another one a note', async () => {
    const whyNot = async (engine: string) => (engine === 'kernel' ? 'no nflog' : undefined);
    expect(wrongs(await check({ whyNot, wanted: 'kernel' }))).toHaveLength(1);
    expect(grades(await check({ whyNot }))).toEqual(['note', 'ok', 'ok']);
  });

  it('finds checksums that conntrack does not test wrong', async () => {
    expect(wrongs(await check({}, { [CHECKSUM]: '0\n' }))[0]?.todo).toContain('nf_conntrack_checksum=1');
  });

  it('knows whose NFLOG group it is', async () => {
    expect(wrongs(await check({}, listening))[0]?.todo).toContain('nflog_group');
    expect(wrongs(await check({ running: 'kernel' }, listening))).toEqual([]);
    expect(wrongs(await check({ running: 'kernel' }))[0]?.what).toContain('nobody listens');
    expect((await check({ read: async () => undefined })).at(-1)?.grade).toBe('note');
    expect(await check({ running: 'capture' }, listening)).toHaveLength(3);
  });

  it('reads groups of whatever text without a throw', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 0, max: 65_535 }), (noise, group) => {
        expect(
          nflogGroups(
            `${noise.replace(/\n/g, ' ')}x\n${`${group}`.padStart(5)} ${'9'.padStart(6)}     0 2 65535   100  1\n`,
          ),
        ).toContain(group);
      }),
    );
  });
});

describe('the check of other software', () => {
  it('notes who else blocks, and what flushes all tables', async () => {
    const found = await softwareCheck(
      filesOf({
        '/proc/1/comm': 'systemd\n',
        '/proc/20/comm': 'fail2ban-server\n',
        '/proc/30/comm': 'portsentry\n',
        '/etc/ufw/ufw.conf': '# x\nENABLED=yes\n',
        '/etc/nftables.conf': '#!/usr/sbin/nft -f\n\nflush ruleset\n',
      }),
    )();
    expect(grades(found)).toEqual(['note', 'note', 'note', 'note']);
    expect(found.map(({ what }) => what).join('\n')).toContain('picket-agent import');
  });

  it('finds nothing on a plain host', async () => {
    expect(grades(await softwareCheck(filesOf({ '/proc/1/comm': 'init\n' }))())).toEqual(['ok']);
  });
});
