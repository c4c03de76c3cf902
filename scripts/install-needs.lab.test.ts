import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from './lab/wait.ts';
import { type InstallStage, installStage } from './machine/install-stage.ts';
import type { Machine } from './machine/machine.ts';
import { machineMissing } from './machine/missing.ts';

/* Features that take more than the least: install.sh gives the service exactly what the config enables. */

const missing = machineMissing();

describe.skipIf(missing)(
  `features that take more than the least${missing ? ` (skipped: ${missing})` : ''}`,
  () => {
    let stage: InstallStage;
    let machine: Machine;
    let bare: string;

    beforeAll(async () => {
      stage = await installStage();
      machine = stage.machine;
      bare = await stage.snapshot();
    });

    const install = (options?: string) => stage.install(options);
    const remove = () => stage.remove();
    const serve: InstallStage['serve'] = (change) => stage.serve(change);
    const config = (...needs: string[]) =>
      machine.mustRun('cat >/root/needs.toml', needs.map((need) => `# needs ${need}\n`).join(''));
    const withConfig = (more = '') => install(`--join-key-file /root/key --config /root/needs.toml ${more}`);
    const dropIns = () => machine.mustRun('cd /etc/systemd/system && ls picket-*.d/* 2>/dev/null || :');
    const mayBind = async () =>
      /^CapEff:\t0{12}3400$/m.test(
        await machine.mustRun('cat /proc/$(systemctl show -P MainPID picket-agent)/status'),
      );
    const WRAPPERS = 'hosts-deny\t/var/lib/picket-denied/list\tsshd, imapd';
    const access = (daemon: string, address: string) =>
      machine.mustRun(`cd /etc && : >>hosts.allow && tcpdmatch -d ${daemon} ${address} | grep access:`);

    beforeAll(() => machine.mustRun('echo "ALL: 198.51.100.66" >/etc/hosts.deny; : >/etc/hosts.allow'));
    afterAll(async () => {
      await remove();
      await machine.mustRun('rm -f /root/needs.toml /etc/hosts.deny /etc/hosts.allow');
      expect(await stage.snapshot()).toBe(bare);
      await machine.close();
    });

    test('get a drop-in each, which suffices for what they do', async () => {
      await config('low-ports', 'xtables-lock', WRAPPERS);
      const { status, said } = await withConfig();
      expect(said).toContain('is installed');
      expect(status).toBe(0);
      expect((await dropIns()).trim().split('\n')).toEqual([
        'picket-agent.service.d/picket-hosts-deny.conf',
        'picket-agent.service.d/picket-low-ports.conf',
        'picket-agent.service.d/picket-xtables-lock.conf',
        'picket-restore.service.d/picket-hosts-deny.conf',
        'picket-restore.service.d/picket-xtables-lock.conf',
      ]);
      expect(await mayBind()).toBe(true);
      expect(await machine.mustRun('stat -c "%a %U %G" /run/xtables.lock')).toBe('640 root picket-agent\n');
      const score = await machine.mustRun('systemd-analyze security picket-agent --no-pager | tail -1');
      expect(Number(/: ([\d.]+) /.exec(score)?.[1])).toBeLessThan(2);
    });

    test('have TCP wrappers refuse whom the agent names, beside what the administrator has', async () => {
      expect(await access('sshd', '192.0.2.7')).toContain('denied');
      expect(await access('sshd', '2001:db8:1::99')).toContain('denied');
      expect(await access('ftpd', '192.0.2.7')).toContain('granted');
      expect(await access('ftpd', '198.51.100.66')).toContain('denied');
      expect(await machine.mustRun('stat -c "%a %U" /etc/hosts.deny /var/lib/picket-denied/list')).toBe(
        '644 root\n644 picket-agent\n',
      );
    });

    test('lose their drop-ins when they are off, and a dry run says so before', async () => {
      await config('low-ports');
      const { said } = await install('--dry-run --agent-file /srv/www/agent.mjs --config /root/needs.toml');
      expect(said).toContain('beyond CAP_NET_ADMIN and CAP_NET_RAW: low-ports\n');
      expect(said).toContain(
        'to be removed: /etc/systemd/system/picket-agent.service.d/picket-hosts-deny.conf',
      );
      expect(said).not.toContain(
        'to be removed: /etc/systemd/system/picket-agent.service.d/picket-low-ports.conf',
      );
      expect((await withConfig()).said).toContain('is installed');
      expect(await dropIns()).toBe('picket-agent.service.d/picket-low-ports.conf\n');
      expect(await machine.mustRun('cat /etc/hosts.deny; ls /var/lib')).not.toContain('picket-denied');
      expect(await machine.mustRun('cat /etc/hosts.deny')).toBe('ALL: 198.51.100.66\n');
    });

    test('come back as they were when a new version does not stay up', async () => {
      await config('xtables-lock', WRAPPERS);
      const before = await stage.snapshot();
      await serve({ fault: 'run', version: '9.9.2' });
      expect((await withConfig()).said).toContain('the former version was put back');
      await serve();
      expect(await stage.snapshot()).toBe(before);
      expect(await machine.mustRun('cat /etc/hosts.deny')).toBe('ALL: 198.51.100.66\n');
    });

    test('go with the agent', async () => {
      await config(WRAPPERS, 'low-ports');
      expect((await withConfig()).said).toContain('is installed');
      expect(await access('sshd', '192.0.2.7')).toContain('denied');
      expect(await remove()).toContain('a line in /etc/hosts.deny');
      expect(await machine.mustRun('cat /etc/hosts.deny')).toBe('ALL: 198.51.100.66\n');
    });

    test('are not permitted without their drop-ins', async () => {
      for (const need of ['low-ports', 'xtables-lock', WRAPPERS]) {
        await config(need);
        expect((await withConfig()).said).toContain('is installed');
        await machine.mustRun(
          'rm -rf /etc/systemd/system/picket-agent.service.d; chmod 600 /run/xtables.lock',
        );
        await machine.mustRun('systemctl daemon-reload; systemctl restart picket-agent');
        const fails = async () =>
          (await machine.mustRun('systemctl show -P NRestarts picket-agent')) !== '0\n';
        await waitFor(`the service to fail without ${need}`, fails, 10_000);
        await remove();
      }
    });
  },
);
