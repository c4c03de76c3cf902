import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { bootMachine, type Machine } from './machine.ts';

const SCRIPTS = resolve(import.meta.dirname, '..');
/** Where the machine fetches installer and agent. */
export const ADDRESS = 'http://127.0.0.1:8440';
/** The join key of a stand-in: it is read and not understood. */
export const KEY = 'picket1.W10';

/** All that an installation may touch, as one text; what useradd itself leaves behind is no business of ours. */
const SNAPSHOT = `
  find /etc /usr/local /var/lib /root /srv ! -path '/var/lib/systemd/*' ! -path '/etc/alternatives/*' ! -name '*-' \\
    ! -name .pwd.lock \\( -type d -printf '%p %m %u\\n' -o -printf '%p %m %u %s\\n' \\) | sort
  cat /etc/passwd /etc/group; nft list tables; ls -d /tmp/tmp.* 2>/dev/null || :`;

/** A machine on which the agent can be installed, from a server of its own. */
export interface InstallStage {
  readonly machine: Machine;
  /** Puts installer and agent where the machine fetches them, as the collector does; the agent stands in, so that it can fail. */
  serve(change?: { fault?: string; version?: string }): Promise<void>;
  install(options?: string): ReturnType<Machine['run']>;
  remove(): Promise<string>;
  /** All that an installation may touch, as one text. */
  snapshot(): Promise<string>;
}

/** Boots the machine, with a join key in `/root/key`. */
export async function installStage(): Promise<InstallStage> {
  const machine = await bootMachine();
  const serve: InstallStage['serve'] = async (change = {}) => {
    const source = await readFile(resolve(SCRIPTS, 'testdata/stand-in-agent.mjs'), 'utf8');
    const agent = source
      .replace("FAULT = 'none'", `FAULT = '${change.fault ?? 'none'}'`)
      .replace('9.9.1', change.version ?? '9.9.1');
    const script = (await readFile(resolve(SCRIPTS, 'install.sh'), 'utf8'))
      .replaceAll('@PICKET_URL@', ADDRESS)
      .replaceAll('@AGENT_SHA256@', createHash('sha256').update(agent).digest('hex'));
    await writeFile(machine.path('/srv/www/agent.mjs'), agent);
    await writeFile(machine.path('/srv/www/install.sh'), script);
  };
  await machine.mustRun(`mkdir /srv/www && echo ${KEY} >/root/key`);
  await machine.mustRun('systemd-run -q --unit=www busybox httpd -f -p 127.0.0.1:8440 -h /srv/www');
  await serve();
  return {
    machine,
    serve,
    install: (options = '--join-key-file /root/key') => machine.run(`sh /srv/www/install.sh ${options} 2>&1`),
    remove: () => machine.mustRun('sh /srv/www/install.sh --uninstall'),
    snapshot: () => machine.mustRun(SNAPSHOT),
  };
}
