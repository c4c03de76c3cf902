import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from './lab/wait.ts';
import { bootMachine, type Machine, machineMissing } from './machine/machine.ts';

/* What install.sh does, on a throw-away machine with a real systemd. The agent stands in, so that it can fail. */

const HERE = import.meta.dirname;
const ADDRESS = 'http://127.0.0.1:8440';
const KEY = 'picket1.W10';

/** All that an installation may touch, as one text; what useradd itself leaves behind is no business of ours. */
const SNAPSHOT = `find /etc /usr/local /var/lib /root /srv -xdev ! -path '/var/lib/systemd/*' ! -name '*-' \\
  ! -name .pwd.lock -printf '%p %m %u %s\\n' | sort; cat /etc/passwd /etc/group; nft list tables; ls /tmp | grep -v systemd-private || :`;

if (process.getuid?.() === 0)
  spawnSync(
    'sh',
    ['-c', '. scripts/lib/setup.sh; ensure_packages systemctl:systemd busybox:busybox bash:bash'],
    {
      cwd: join(HERE, '..'),
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
const missing = machineMissing();

describe.skipIf(missing)(`install.sh on systemd${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let machine: Machine;
  let bare: string;

  beforeAll(async () => {
    machine = await bootMachine();
    await machine.mustRun(`mkdir /srv/www && echo ${KEY} >/root/key`);
    await machine.mustRun('systemd-run -q --unit=www busybox httpd -f -p 127.0.0.1:8440 -h /srv/www');
    await serve();
    bare = await machine.mustRun(SNAPSHOT);
  });
  afterAll(() => machine?.close());
  afterEach(async () => {
    await machine.run('sh /srv/www/install.sh --uninstall');
    await serve();
  });

  /** Puts installer and agent where the machine fetches them, as the collector does. */
  async function serve(change: { fault?: string; version?: string } = {}): Promise<void> {
    const source = await readFile(join(HERE, 'testdata/stand-in-agent.mjs'), 'utf8');
    const agent = source
      .replace("FAULT = 'none'", `FAULT = '${change.fault ?? 'none'}'`)
      .replace('9.9.1', change.version ?? '9.9.1');
    const script = (await readFile(join(HERE, 'install.sh'), 'utf8'))
      .replaceAll('@PICKET_URL@', ADDRESS)
      .replaceAll('@AGENT_SHA256@', createHash('sha256').update(agent).digest('hex'));
    await writeFile(machine.path('/srv/www/agent.mjs'), agent);
    await writeFile(machine.path('/srv/www/install.sh'), script);
  }

  const install = (options = '--join-key-file /root/key') =>
    machine.run(`sh /srv/www/install.sh ${options} 2>&1`);
  const mainPid = () => machine.mustRun('systemctl show -P MainPID picket-agent');

  test.each(['dash', 'busybox sh', 'bash'])(
    'installs, changes nothing when run again, and leaves nothing when it is removed, under %s',
    async (shell) => {
      const command = `busybox wget -q -O - ${ADDRESS}/install.sh | ${shell} -s --`;
      expect(await machine.mustRun(`${command} --join-key-file /root/key`)).toContain('9.9.1 is installed');
      expect(
        await machine.mustRun('systemctl is-active picket-agent; systemctl is-enabled picket-agent'),
      ).toBe('active\nenabled\n');
      const [installed, pid] = [await machine.mustRun(SNAPSHOT), await mainPid()];
      expect(installed).toMatch(/^\/var\/lib\/picket 700 picket-agent /m);
      expect(installed).toMatch(/^\/var\/lib\/picket\/enrolment.json 600 picket-agent /m);

      expect(await machine.mustRun(command)).toContain('nothing has changed');
      expect([await machine.mustRun(SNAPSHOT), await mainPid()]).toEqual([installed, pid]);

      expect(await machine.mustRun(`${command} --uninstall`)).toContain('/var/lib/picket\n');
      expect(await machine.mustRun(SNAPSHOT)).toBe(bare);
      expect(await machine.mustRun(`${command} --uninstall`)).toContain('is not installed');
    },
  );

  test('the service has its own user, three capabilities, and a unit that systemd finds nothing wrong with', async () => {
    await install();
    const unit = '/etc/systemd/system/picket-agent.service';
    expect(await machine.mustRun(`systemd-analyze verify ${unit} 2>&1`)).toBe('');
    const score = await machine.mustRun('systemd-analyze security picket-agent --no-pager | tail -1');
    expect(Number(/: ([\d.]+) /.exec(score)?.[1])).toBeLessThan(2);
    const status = await machine.mustRun(`cat /proc/$(systemctl show -P MainPID picket-agent)/status`);
    const uid = (await machine.mustRun('id -u picket-agent')).trim();
    expect(status).toMatch(new RegExp(`^Uid:\\t${uid}\\t`, 'm'));
    // Bits 10, 12 and 13 of linux/capability.h: NET_BIND_SERVICE, NET_ADMIN, NET_RAW.
    expect(status).toMatch(/^CapEff:\t0{12}3400$/m);
    expect(status).toMatch(/^CapBnd:\t0{12}3400$/m);
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    await waitFor(
      'tcpdump to listen and logger to write',
      async () => {
        const log = await machine.mustRun(
          'journalctl -u picket-agent -t picket-agent -t picket-stand-in -o cat',
        );
        return log.includes('listening on nflog:4715') && log.includes('watching');
      },
      10_000,
    );
  });

  test('the table in the kernel outlives a stop and a restart, and goes with "down"', async () => {
    await install();
    await machine.mustRun('systemctl restart picket-agent && systemctl stop picket-agent');
    expect(await machine.mustRun('nft list tables')).toBe('table inet picket\n');
    await machine.mustRun('picket-agent down');
    expect(await machine.mustRun('nft list tables')).toBe('');
  });

  test('a command of root runs as the user of the service, so that all state stays its own', async () => {
    await install();
    await machine.mustRun(`echo ${KEY} | picket-agent enroll --join-key-file -`);
    expect(await machine.mustRun('stat -c %U /var/lib/picket/enrolment.json')).toBe('picket-agent\n');
  });

  test('asks for the join key at the terminal, without showing it', async () => {
    const said = await machine.mustRun('script -qec "sh /srv/www/install.sh" /dev/null', `${KEY}\n`);
    expect(said).toContain('is installed');
    expect(said.split('Join key (not shown): ')[1]).not.toContain(KEY);
    expect(await machine.mustRun('cat /var/lib/picket/enrolment.json')).toBe(`${KEY}\n`);
  });

  test('takes the join key from standard input, and says so when there is none', async () => {
    expect((await machine.run('sh /srv/www/install.sh --join-key-file -', '')).said).toContain('no join key');
    expect(await machine.mustRun(SNAPSHOT)).toBe(bare);
    await machine.mustRun('sh /srv/www/install.sh --join-key-file -', KEY);
  });

  test('a dry run changes nothing', async () => {
    const { status, said } = await install('--dry-run');
    expect(said).toContain(`the agent from ${ADDRESS}/agent.mjs`);
    expect(status).toBe(0);
    expect(await machine.mustRun(SNAPSHOT)).toBe(bare);
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
    expect(await machine.mustRun(SNAPSHOT)).toBe(bare);
  });

  test('refuses an agent file with another checksum, downloaded or given', async () => {
    await machine.mustRun('echo "// more" >>/srv/www/agent.mjs; cp /srv/www/agent.mjs /tmp/offline.mjs');
    for (const more of ['', '--agent-file /tmp/offline.mjs']) {
      const { status, said } = await install(`--join-key-file /root/key ${more}`);
      expect(said).toContain('another checksum');
      expect(status).toBe(1);
    }
    await machine.mustRun('rm /tmp/offline.mjs');
    await serve();
    expect(await machine.mustRun(SNAPSHOT)).toBe(bare);
  });

  test('installs without a network from a file', async () => {
    await machine.mustRun('cp /srv/www/agent.mjs /root/agent.mjs && rm /srv/www/agent.mjs');
    const { status } = await install('--join-key-file /root/key --agent-file /root/agent.mjs');
    await machine.mustRun('rm /root/agent.mjs');
    expect(status).toBe(0);
  });

  test.each(['version', 'check', 'enroll', 'run'])(
    'leaves no half of a first installation whose "%s" fails',
    async (fault) => {
      await serve({ fault });
      const { status, said } = await install();
      expect(said).toMatch(/install\.sh: /);
      expect(status).toBe(1);
      await serve();
      expect(await machine.mustRun(SNAPSHOT)).toBe(bare);
    },
  );

  test('keeps the former version when the new one does not stay up', async () => {
    await install();
    const before = await machine.mustRun(SNAPSHOT);
    await serve({ fault: 'run', version: '9.9.2' });
    const { status, said } = await install('');
    expect(said).toContain('the former version was put back');
    expect(status).toBe(1);
    expect(await machine.mustRun('picket-agent version')).toBe('9.9.1\n');
    const isActive = async () => (await machine.run('systemctl is-active picket-agent')).status === 0;
    await waitFor('the former version to run', isActive, 10_000);
    await serve();
    expect(await machine.mustRun(SNAPSHOT)).toBe(before);
  });

  test('an upgrade keeps config and enrolment, and restarts the service', async () => {
    await install();
    await machine.mustRun('echo "# mine" >>/etc/picket/picket.toml');
    const pid = await mainPid();
    await serve({ version: '9.9.2' });
    expect((await install('')).said).toContain('9.9.2 is installed');
    expect(await mainPid()).not.toBe(pid);
    expect(await machine.mustRun('tail -1 /etc/picket/picket.toml')).toBe('# mine\n');
    expect(await machine.mustRun('cat /var/lib/picket/enrolment.json')).toBe(`${KEY}\n`);
  });

  test('an interrupted installation is undone', async () => {
    const installing = install('--join-key-file /root/key & echo $! >/run/installer; wait $!');
    const hasUnit = async () => (await machine.run('systemctl is-active picket-agent')).status === 0;
    await waitFor('the service to start', hasUnit, 20_000);
    await machine.mustRun('kill -TERM $(cat /run/installer)');
    expect((await installing).said).toContain('everything was undone');
    expect(await machine.mustRun(SNAPSHOT)).toBe(bare);
  });

  test('installs a given config, and refuses one that the agent does not understand', async () => {
    await machine.mustRun('echo "# mistake" >/root/bad.toml; echo "# good" >/root/good.toml');
    expect((await install('--join-key-file /root/key --config /root/bad.toml')).said).toContain(
      'config is refused',
    );
    await install('--join-key-file /root/key --config /root/good.toml');
    expect(await machine.mustRun('cat /etc/picket/picket.toml')).toBe('# good\n');
    await machine.mustRun('rm /root/bad.toml /root/good.toml');
  });

  test('--keep-state keeps config and state for the next installation', async () => {
    await install();
    await machine.mustRun('sh /srv/www/install.sh --uninstall --keep-state');
    expect(await machine.mustRun('ls /etc/picket /var/lib/picket')).toMatch(
      /picket\.toml[\s\S]*enrolment\.json/,
    );
    expect((await install('')).said).toContain('is installed');
  });
});
