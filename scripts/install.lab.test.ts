import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from './lab/wait.ts';
import { ADDRESS, type InstallStage, installStage, KEY } from './machine/install-stage.ts';
import type { Machine } from './machine/machine.ts';
import { machineMissing } from './machine/missing.ts';

/* What install.sh does, on a throw-away machine with a real systemd. The agent stands in, so that it can fail. */

const missing = machineMissing();

describe.skipIf(missing)(`install.sh on systemd${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let stage: InstallStage;
  let machine: Machine;
  let bare: string;

  beforeAll(async () => {
    stage = await installStage();
    machine = stage.machine;
    bare = await stage.snapshot();
  });
  afterAll(() => machine?.close());

  const install = (options?: string) => stage.install(options);
  const remove = () => stage.remove();
  const serve: InstallStage['serve'] = (change) => stage.serve(change);
  const mainPid = () => machine.mustRun('systemctl show -P MainPID picket-agent');

  // Of the shells that are /bin/sh somewhere.
  test.each(['busybox sh', 'bash', 'dash'])(
    'installs, and leaves nothing when it is removed, under %s',
    async (shell) => {
      const command = `busybox wget -q -O - ${ADDRESS}/install.sh | ${shell} -s --`;
      expect(await machine.mustRun(`${command} --join-key-file /root/key`)).toContain('9.9.1 is installed');
      expect(
        await machine.mustRun(
          'systemctl is-active picket-agent; systemctl is-enabled picket-agent picket-restore',
        ),
      ).toBe('active\nenabled\nenabled\n');
      const installed = await stage.snapshot();
      expect(installed).toMatch(/^\/var\/lib\/picket 700 picket-agent$/m);
      expect(installed).toMatch(/^\/var\/lib\/picket\/enrolment.json 600 picket-agent /m);

      expect(await machine.mustRun(`${command} --uninstall`)).toContain('/var/lib/picket\n');
      expect(await stage.snapshot()).toBe(bare);
      expect(await machine.mustRun(`${command} --uninstall`)).toContain('is not installed');
    },
  );

  test('a dry run changes nothing', async () => {
    const { status, said } = await install('--dry-run');
    expect(said).toContain(`the agent from ${ADDRESS}/agent.mjs`);
    expect(status).toBe(0);
    expect(await stage.snapshot()).toBe(bare);
  });

  test('names everything that is missing at once', async () => {
    const hide = 'for f in /usr/sbin/nft /usr/bin/tcpdump /usr/bin/node; do mv $f $f.away; done';
    const show = 'for f in /usr/sbin/nft /usr/bin/tcpdump /usr/bin/node; do mv $f.away $f; done';
    const old = 'printf "#!/bin/sh\\necho v18.19.0\\n" >/usr/local/bin/node; chmod 755 /usr/local/bin/node';
    await machine.mustRun(`${hide}; ${old}`);
    const { status, said } = await install();
    await machine.mustRun(`${show}; rm /usr/local/bin/node`);
    expect(status).toBe(4);
    for (const name of [
      'Node 20.19 or newer (/usr/local/bin/node is v18.19.0)',
      'nftables',
      'install tcpdump',
    ])
      expect(said).toContain(name);
    expect(await stage.snapshot()).toBe(bare);
  });

  test('refuses an agent file with another checksum, downloaded or given', async () => {
    await machine.mustRun('echo "// more" >>/srv/www/agent.mjs; cp /srv/www/agent.mjs /root/offline.mjs');
    for (const more of ['', '--agent-file /root/offline.mjs']) {
      const { status, said } = await install(`--join-key-file /root/key ${more}`);
      expect(said).toContain('another checksum');
      expect(status).toBe(1);
    }
    await machine.mustRun('rm /root/offline.mjs');
    await serve();
    expect(await stage.snapshot()).toBe(bare);
  });

  test('refuses a config that the agent does not understand, and an empty join key', async () => {
    await machine.mustRun('echo "# mistake" >/root/bad.toml');
    expect((await install('--join-key-file /root/key --config /root/bad.toml')).said).toContain(
      'the config is refused',
    );
    expect((await install('--join-key-file - </dev/null')).said).toContain('no join key was given');
    await machine.mustRun('rm /root/bad.toml');
    expect(await stage.snapshot()).toBe(bare);
  });

  test.each(['version', 'check', 'enroll', 'run'])(
    'leaves no half of a first installation whose "%s" fails',
    async (fault) => {
      await serve({ fault });
      const { status, said } = await install();
      expect(said).toMatch(/install\.sh: /);
      expect(status).toBe(1);
      await serve();
      expect(await stage.snapshot()).toBe(bare);
    },
  );

  test('an interrupted installation is undone', async () => {
    const installing = install('--join-key-file /root/key & echo $! >/run/installer; wait $!');
    const isActive = async () => (await machine.run('systemctl is-active picket-agent')).status === 0;
    await waitFor('the service to start', isActive, 20_000);
    await machine.mustRun('kill -TERM $(cat /run/installer)');
    expect((await installing).said).toContain('everything was undone');
    expect(await stage.snapshot()).toBe(bare);
  });

  test('asks for the join key at the terminal, without showing it', async () => {
    const said = await machine.mustRun('script -qec "sh /srv/www/install.sh" /dev/null', `${KEY}\n`);
    expect(said).toContain('is installed');
    expect(said.split('Join key (not shown): ')[1]).not.toContain(KEY);
    expect(await machine.mustRun('cat /var/lib/picket/enrolment.json')).toBe(`${KEY}\n`);
    await remove();
  });

  test('installs without a network, from files and a join key on standard input', async () => {
    await machine.mustRun('mv /srv/www/agent.mjs /root/ && echo "# mine" >/root/mine.toml');
    const options = '--join-key-file - --agent-file /root/agent.mjs --config /root/mine.toml';
    await machine.mustRun(`sh /srv/www/install.sh ${options}`, KEY);
    expect(await machine.mustRun('cat /etc/picket/picket.toml')).toBe('# mine\n');
    await machine.mustRun('rm /root/agent.mjs /root/mine.toml');
    await remove();
    await serve();
  });

  describe('once it is installed', () => {
    beforeAll(() => machine.mustRun('sh /srv/www/install.sh --join-key-file /root/key'));

    test('the service has a user of its own, two capabilities, and units without faults', async () => {
      for (const name of ['picket-agent', 'picket-restore']) {
        const verify = `systemd-analyze verify /etc/systemd/system/${name}.service 2>&1`;
        expect(await machine.mustRun(verify)).toBe('');
        const score = await machine.mustRun(`systemd-analyze security ${name} --no-pager | tail -1`);
        expect(Number(/: ([\d.]+) /.exec(score)?.[1])).toBeLessThan(2);
      }
      const status = await machine.mustRun('cat /proc/$(systemctl show -P MainPID picket-agent)/status');
      const uid = (await machine.mustRun('id -u picket-agent')).trim();
      expect(status).toMatch(new RegExp(`^Uid:\\t${uid}\\t`, 'm'));
      // Bits 12 and 13 of linux/capability.h: NET_ADMIN, NET_RAW.
      expect(status).toMatch(/^CapEff:\t0{12}3000$/m);
      expect(status).toMatch(/^CapBnd:\t0{12}3000$/m);
      expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    });

    test('the service may use nft, the packets of tcpdump and the system log', async () => {
      const hasBegun = async () => {
        const log = await machine.mustRun('journalctl -o cat -t picket-agent -t picket-stand-in');
        return log.includes('listening on nflog:4715') && log.includes('watching');
      };
      await waitFor('tcpdump to listen and logger to write', hasBegun, 10_000);
      expect(await machine.mustRun('nft list tables')).toBe('table inet picket\n');
    });

    test('a command of root runs as the user of the service, so that all state stays its own', async () => {
      await machine.mustRun(`echo ${KEY} | picket-agent enroll --join-key-file -`);
      expect(await machine.mustRun('stat -c %U /var/lib/picket/enrolment.json')).toBe('picket-agent\n');
    });

    test('the table in the kernel outlives a restart and a stop, and goes with "down"', async () => {
      await machine.mustRun('systemctl restart picket-agent && systemctl stop picket-agent');
      expect(await machine.mustRun('nft list tables')).toBe('table inet picket\n');
      await machine.mustRun('picket-agent down');
      expect(await machine.mustRun('nft list tables')).toBe('');
      await machine.mustRun('systemctl start picket-agent');
      const isLoaded = async () => (await machine.run('nft list table inet picket')).status === 0;
      await waitFor('the table to be loaded again', isLoaded, 10_000);
    });

    test('installing the same again changes nothing', async () => {
      const [before, pid] = [await stage.snapshot(), await mainPid()];
      expect((await install('')).said).toContain('nothing has changed');
      expect([await stage.snapshot(), await mainPid()]).toEqual([before, pid]);
    });

    test('a new version that does not stay up is taken back', async () => {
      const before = await stage.snapshot();
      await serve({ fault: 'run', version: '9.9.2' });
      const { status, said } = await install('');
      expect(said).toContain('the former version was put back');
      expect(status).toBe(1);
      const isActive = async () => (await machine.run('systemctl is-active picket-agent')).status === 0;
      await waitFor('the former version to run', isActive, 10_000);
      await serve();
      expect(await machine.mustRun('picket-agent version')).toBe('9.9.1\n');
      expect(await stage.snapshot()).toBe(before);
    });

    test('a new version keeps config and enrolment, and restarts the service', async () => {
      await machine.mustRun('echo "# mine" >>/etc/picket/picket.toml');
      const pid = await mainPid();
      await serve({ version: '9.9.2' });
      expect((await install('')).said).toContain('9.9.2 is installed');
      expect(await mainPid()).not.toBe(pid);
      expect(await machine.mustRun('tail -1 /etc/picket/picket.toml')).toBe('# mine\n');
    });

    test('--keep-state keeps config and state for the next installation', async () => {
      await machine.mustRun('sh /srv/www/install.sh --uninstall --keep-state');
      const kept = await machine.mustRun('ls /etc/picket /var/lib/picket /usr/local/lib');
      expect(kept).toMatch(/picket\.toml[\s\S]*enrolment\.json/);
      expect((await install('')).said).toContain('is installed');
      await remove();
      expect(await stage.snapshot()).toBe(bare);
    });
  });
});
