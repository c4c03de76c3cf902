import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Outcome, Runner } from '../../run/runner.ts';
import type { Verdicts } from './apart.ts';
import { loadedTable } from './here.ts';
import { type HookFacts, hookCheck } from './hook.ts';
import { type Stages, verdictOf } from './verdict.ts';
import { whyTaken } from './wire.ts';

const well = { stranger: 5, control: 1 };
const refused = { stranger: 0, control: 1 };
const nothing = { stranger: 0, control: 0 };
const GOOD: Stages = { before: well, blocked: refused, after: well, counted: 5 };

describe('the verdict on a block', () => {
  it.each<[string, Partial<Stages>, string]>([
    ['refuses and counts', {}, 'drops'],
    ['refuses, of a backend that counts nothing', { counted: undefined }, 'drops'],
    ['answers', { blocked: well }, 'fails'],
    ['answers some', { blocked: { stranger: 1, control: 1 } }, 'fails'],
    ['refuses others too', { blocked: nothing }, 'fails'],
    ['refuses without counting', { counted: 0 }, 'fails'],
    ['stays', { after: refused }, 'fails'],
  ])('that %s', (_, more, kind) => {
    expect(verdictOf({ ...GOOD, ...more }).kind).toBe(kind);
  });

  it('goes by the count where other rules refuse everything', () => {
    const closed = { before: nothing, blocked: nothing, after: nothing };
    expect(verdictOf({ ...closed, counted: 5 }).kind).toBe('drops');
    expect(verdictOf({ ...closed, counted: 0 }).kind).toBe('fails');
    expect(verdictOf({ ...closed, counted: undefined }).kind).toBe('unknown');
  });

  it('never says that a block drops whose packets were answered', () => {
    const volley = fc.record({ stranger: fc.nat(5), control: fc.nat(3) });
    const counted = fc.option(fc.nat(10), { nil: undefined });
    fc.assert(
      fc.property(fc.record({ before: volley, blocked: volley, after: volley, counted }), (stages) => {
        fc.pre(stages.blocked.stranger > 0);
        expect(verdictOf(stages).kind).not.toBe('drops');
      }),
    );
  });
});

describe('the check of the hook', () => {
  const drops: Verdicts = [{ family: 4, verdict: verdictOf(GOOD) }];
  const fails: Verdicts = [{ family: 4, verdict: verdictOf({ ...GOOD, blocked: well }) }];
  const check = (more: Partial<HookFacts> = {}) =>
    hookCheck({
      survey: async () => [
        { name: 'nftables', works: true },
        { name: 'iptables', works: true },
        { name: 'route', works: true },
        { name: 'pf', works: false },
        { name: 'log-only', works: true },
      ],
      agent: { firewall: 'nftables', enforces: true },
      ...{
        wanted: undefined,
        loaded: async () => 'whole',
        tryHere: async () => ({ ok: true, verdicts: drops }),
      },
      tryApart: async () => drops,
      ...more,
    } as HookFacts)();
  const grades = async (found: ReturnType<typeof check>) => (await found).map(({ grade }) => grade);

  it('tries what is loaded here, and the backend that this host has in a namespace', async () => {
    const tried: string[] = [];
    const tryApart = async (name: string) => {
      tried.push(name);
      return drops;
    };
    expect(await grades(check({ tryApart }))).toEqual(['ok', 'ok']);
    await check({ tryApart, agent: { firewall: 'iptables', enforces: true } });
    await check({ tryApart, agent: undefined, wanted: 'iptables' });
    expect(tried).toEqual(['nftables', 'iptables', 'iptables']);
  });

  it('takes what an agent refuses with beside other things for what it is', async () => {
    const agent = { firewall: 'nftables+hosts-deny', enforces: true };
    expect(await grades(check({ agent, loaded: async () => 'no table' }))).toEqual(['wrong', 'ok']);
    const tryApart = async () => fails;
    expect(await grades(check({ agent, tryApart }))).toEqual(['ok', 'wrong']);
  });

  it('finds a table and a backend that do not refuse wrong', async () => {
    expect(await grades(check({ tryHere: async () => ({ ok: true, verdicts: fails }) }))).toEqual([
      'wrong',
      'ok',
    ]);
    expect(await grades(check({ tryApart: async () => fails }))).toEqual(['ok', 'wrong']);
  });

  it('tries no route, which refuses nothing of a neighbour', async () => {
    const agent = { firewall: 'route', enforces: true };
    expect(JSON.stringify(await check({ agent }))).toContain('route is not tried');
    expect(await grades(check({ agent }))).toEqual(['note']);
  });

  it.each<[string, Partial<HookFacts>, string]>([
    ['a table that is away while the agent runs', { loaded: async () => 'no table' }, 'wrong'],
    ['a table without its rules while the agent runs', { loaded: async () => 'no rules' }, 'wrong'],
    ['a table that is away without an agent', { loaded: async () => 'no table', agent: undefined }, 'note'],
    [
      'a table without rules and without an agent',
      { loaded: async () => 'no rules', agent: undefined },
      'note',
    ],
    ['a pause', { loaded: async () => 'no rules', agent: { firewall: 'nftables', enforces: false } }, 'note'],
    ['a table that may not be looked at', { loaded: async () => 'not permitted' }, 'note'],
    [
      'a host where no packets can be sent',
      { tryHere: async () => ({ ok: false, why: 'not permitted' }) },
      'note',
    ],
  ])('judges %s', async (_, more, grade) => {
    expect((await check(more))[0]?.grade).toBe(grade);
  });

  it('says so where no namespace can be had, or nothing can be tried', async () => {
    const tryApart = () => Promise.reject(new Error('unshare failed: Operation not permitted'));
    expect(await grades(check({ tryApart }))).toEqual(['ok', 'note']);
    expect(await grades(check({ survey: async () => [] }))).toEqual(['note']);
  });
});

const answers =
  (byWord: Record<string, Partial<Outcome>>): Runner =>
  async ({ argv }) => ({ status: 0, stdout: '', stderr: '', ...byWord[argv.at(-1) ?? ''] });

describe('what is loaded', () => {
  const all = { stdout: 'ip saddr @dropped4 counter drop\nip saddr @shared_dropped4 counter drop' };
  const fresh = { stdout: 'ip saddr @held4 counter drop\nip saddr @shared_held4 counter drop' };
  const missing = { status: 1, stderr: 'Error: No such file or directory' };

  it.each<[string, Record<string, Partial<Outcome>>]>([
    ['whole', { drop_all: all, drop_new: fresh }],
    ['no rules', { drop_all: all, drop_new: { stdout: 'chain drop_new { }' } }],
    ['no rules', { drop_all: missing, drop_new: fresh }],
    ['no table', { drop_all: missing, drop_new: missing }],
    [
      'not permitted',
      { drop_all: { status: 1, stderr: 'Operation not permitted (you must be root)' }, drop_new: missing },
    ],
  ])('is %s', async (loaded, outcomes) => {
    expect(await loadedTable(answers(outcomes))).toBe(loaded);
  });
});

it('uses no addresses of documentation that somebody has', async () => {
  const has =
    (stdout: string): Runner =>
    async () => ({ status: 0, stdout, stderr: '' });
  expect(await whyTaken(has('2: eth0    inet 192.0.2.17/24 scope global eth0\n'))).toContain('192.0.2.17');
  expect(await whyTaken(has('2: eth0    inet6 2001:db8:d0c:1::5/64\n'))).toContain('2001:db8:d0c');
  expect(
    await whyTaken(has('2: eth0    inet 203.0.113.11/24\n3: eth1 inet 10.192.0.2/24\n')),
  ).toBeUndefined();
});
