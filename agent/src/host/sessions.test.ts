import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Address } from '@picket/protocol';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Command, type Outcome, RunError } from '../run/runner.ts';
import type { Names } from './names.ts';
import { createSessions } from './sessions.ts';

const ok = (stdout: string): Outcome => ({ status: 0, stdout, stderr: '' });
const failed = (stderr: string, stdout = ''): Outcome => ({ status: 1, stdout, stderr });

/** Names that are resolved already. */
const namesOf = (known: Record<string, Address[]>): Names => ({
  addressesOf: (name) => known[name] ?? [],
  watch: () => () => {},
  close() {},
});

type Answer = Outcome | Promise<Outcome> | undefined;

/** A host whose commands answer as told, by the program's name and its first argument; what is not told is not there. */
function host(answers: Record<string, Answer | (() => Answer)>, known: Record<string, Address[]> = {}) {
  const said: string[] = [];
  const run = async ({ argv }: Command): Promise<Outcome> => {
    const told = answers[argv.slice(0, 2).join(' ')];
    const answer = typeof told === 'function' ? told() : told;
    if (answer === undefined) throw new RunError('not_started', `${argv[0]}: cannot be started (ENOENT)`);
    return answer;
  };
  const log = (message: string) => said.push(message);
  return { said, sessions: createSessions({ run, names: namesOf(known), log, waitMs: 50 }) };
}

const LIST = 'loginctl list-sessions';
const SHOW = 'loginctl show-session';
const shown = (remote: string, state = 'active') =>
  `Id=1\nRemoteHost=${remote}\nClass=user\nState=${state}\n`;

describe('whoever has a session', () => {
  it('is known from logind and from who, each address once', async () => {
    const { sessions } = host(
      {
        [LIST]: ok(' 1 1000 alice\n 2 1000 bob\n'),
        [SHOW]: ok(`${shown('203.0.113.7')}\n${shown('gate.example.org')}`),
        'who --ips': ok(
          'alice pts/0 2026-11-24 09:12 203.0.113.7\ncarol pts/1 2026-11-24 09:12 2001:db8:9::7\n',
        ),
      },
      { 'gate.example.org': ['198.51.100.9', '198.51.100.10'] },
    );
    expect(await sessions.addresses()).toEqual([
      '203.0.113.7',
      '198.51.100.9',
      '198.51.100.10',
      '2001:db8:9::7',
    ]);
  });

  it('is known from a who that has no option --ips', async () => {
    const { sessions } = host({
      'who --ips': failed('who: illegal option -- -'),
      who: ok('alice ttyp0 Nov 24 09:12 (203.0.113.7)\n'),
    });
    expect(await sessions.addresses()).toEqual(['203.0.113.7']);
  });

  it('is nobody on a system without either, and nothing is complained of', async () => {
    const { sessions, said } = host({
      [LIST]: failed('System has not been booted with systemd as init system (PID 1).'),
    });
    expect(await sessions.addresses()).toEqual([]);
    expect(said).toEqual([]);
  });

  it('is not protected any longer than the next look', async () => {
    let state = 'active';
    const { sessions } = host({ [LIST]: ok(' 1 0 root\n'), [SHOW]: () => ok(shown('203.0.113.7', state)) });
    expect(await sessions.addresses()).toEqual(['203.0.113.7']);
    state = 'closing';
    expect(await sessions.addresses()).toEqual([]);
  });

  it('stays protected while the list cannot be read, which is said once', async () => {
    const lists = [
      ok(' 1 0 root\n'),
      failed('Failed to list sessions: Connection timed out'),
      failed('Failed to list sessions: Connection timed out'),
    ];
    const { sessions, said } = host({ [LIST]: () => lists.shift(), [SHOW]: ok(shown('203.0.113.7')) });
    for (let i = 0; i < 3; i++) expect(await sessions.addresses()).toEqual(['203.0.113.7']);
    expect(said).toEqual([
      'the sessions of logind cannot be read; those of the last look stay protected: Failed to list sessions: Connection timed out',
    ]);
  });

  it('is asked for anew when another session ended in between, since those after it are not shown', async () => {
    const answers = [failed('Failed to get path for session 1', ''), ok(shown('203.0.113.7'))];
    const { sessions } = host({ [LIST]: ok(' 1 0 root\n 2 0 root\n'), [SHOW]: () => answers.shift() });
    expect(await sessions.addresses()).toEqual(['203.0.113.7']);
  });

  it('is told later when a bus hangs: nobody waits for it', async () => {
    let answer: (outcome: Outcome) => void = () => {};
    const slow = new Promise<Outcome>((resolve) => {
      answer = resolve;
    });
    const { sessions } = host({
      [LIST]: ok(' 1 0 root\n'),
      [SHOW]: () => slow,
      'who --ips': ok('a pts/0 x y 192.0.2.9\n'),
    });
    const onChange = vi.fn();
    const stop = sessions.watch(onChange, { places: [] });
    expect(await sessions.addresses()).toEqual(['192.0.2.9']);
    expect(onChange).not.toHaveBeenCalled();
    answer(ok(shown('203.0.113.7')));
    await vi.waitFor(() => expect(onChange).toHaveBeenCalled());
    expect(await sessions.addresses()).toEqual(['203.0.113.7', '192.0.2.9']);
    stop();
  });
});

describe('a login', () => {
  const folders: string[] = [];
  afterEach(async () => {
    for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
  });

  it('is noticed in a folder that was there, that came later, and that was made anew', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'picket-sessions-'));
    folders.push(folder);
    const place = join(folder, 'sessions');
    const { sessions } = host({});
    let changes = 0;
    const stop = sessions.watch(() => changes++, { places: [place, folder], lookEveryMs: 20 });
    const isNoticed = async (act: () => Promise<unknown>) => {
      const before = changes;
      await act();
      await vi.waitFor(() => expect(changes).toBeGreaterThan(before), 5_000);
    };
    await isNoticed(() => mkdir(place));
    // Once its coming was told, it is watched.
    await isNoticed(() => writeFile(join(place, '1'), 'x'));
    await isNoticed(() => rm(place, { recursive: true }));
    await isNoticed(() => mkdir(place));
    await isNoticed(() => writeFile(join(place, '2'), 'x'));
    stop();
  });
});
