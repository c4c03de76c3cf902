import { createSessions, type Sessions } from '@picket/agent/host/sessions';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from './lab/wait.ts';
import { LOGIN, type Logins, openLogins } from './machine/logins.ts';
import { bootMachine, type Machine } from './machine/machine.ts';
import { machineMissing } from './machine/missing.ts';

/* Who is logged in, on the real thing: Debian's sshd, systemd's logind and utmp. */

const missing = machineMissing();

const NEWS_MS = 20_000;

describe.skipIf(missing)(`sessions of a real sshd${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let machine: Machine;
  let logins: Logins;
  let sessions: Sessions;
  let changes = 0;
  let stop = () => {};

  beforeAll(async () => {
    machine = await bootMachine();
    logins = await openLogins(machine);
    sessions = createSessions({
      run: async ({ argv }) => {
        const { status, said } = await machine.run(argv.join(' '));
        return { status, stdout: said, stderr: '' };
      },
      names: {
        addressesOf: (name) => (name === LOGIN.name ? [LOGIN.named] : []),
        watch: () => () => {},
        close() {},
      },
      log: (message) => {
        throw new Error(message);
      },
    });
    const places = ['/run/systemd/sessions', '/run/utmp'].map((place) => machine.path(place));
    stop = sessions.watch(() => changes++, { places });
  });
  afterAll(async () => {
    stop();
    await machine?.close();
  });

  /** Waits for a change to be told, as the agent does, and then for the addresses to be these. */
  const become = async (wanted: string[], act: () => Promise<void>) => {
    const before = changes;
    await act();
    await waitFor('a change to be told', () => changes > before, NEWS_MS);
    const are = async () => (await sessions.addresses()).join() === wanted.join();
    await waitFor(`sessions from ${wanted.join() || 'nowhere'}`, are, NEWS_MS);
  };

  test('nobody is logged in at first, and a connection to port 22 is not yet anybody', async () => {
    expect(await sessions.addresses()).toEqual([]);
    await logins.start('knock', `exec bash -c "exec 3<>/dev/tcp/${LOGIN.host}/22; cat <&3"`);
    const isHeard = async () =>
      (await machine.mustRun('ss -Htn state established')).includes(`${LOGIN.client}:`);
    await waitFor('the connection', isHeard, NEWS_MS);
    expect(await sessions.addresses()).toEqual([]);
    await logins.end('knock');
  });

  test('a login without a terminal is told at once, and ends when it ends', async () => {
    await become([LOGIN.client], () => logins.login('plain', LOGIN.client));
    await become([], () => logins.end('plain'));
  });

  test('a login that sshd knows by name counts by its address', async () => {
    await become([LOGIN.named], () => logins.login('named', LOGIN.named));
    const shown = 'loginctl show-session $(loginctl list-sessions --no-legend | cut -d" " -f1) -P RemoteHost';
    expect(await machine.mustRun(shown)).toContain(`${LOGIN.name}\n`);
    await become([], () => logins.end('named'));
  });

  test('a login that logind does not know is known from utmp, and not when its process was killed', async () => {
    await become([LOGIN.client], () =>
      logins.login('terminal', LOGIN.client, { pam: false, terminal: true }),
    );
    const states =
      'for id in $(loginctl list-sessions --no-legend | cut -d" " -f1); do loginctl show-session $id -P State; done';
    expect(await machine.mustRun(states)).toMatch(/^(closing\n)*$/);
    // Killed, sshd does not take its entry back; who leaves out entries whose process is gone.
    await machine.mustRun(
      'kill -9 $(pgrep -f "^sshd: root@pts")  $(pgrep -f "^sshd: root .priv.") ; systemctl stop terminal',
    );
    await waitFor(
      'the killed session to be over',
      async () => (await sessions.addresses()).length === 0,
      NEWS_MS,
    );
  });
});
