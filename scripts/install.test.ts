import { execFile } from 'node:child_process';
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parsePolicy } from '../agent/src/policy/load.ts';
import { policySchema } from '../agent/src/policy/policy.ts';

/* What install.sh says before it changes anything. What it does is in install.lab.test.ts, on a machine of its own. */

const INSTALLER = join(import.meta.dirname, 'install.sh');
const UNITS = join(import.meta.dirname, '../infra/systemd');

const script = await readFile(INSTALLER, 'utf8');
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'picket-install-test-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Runs a form of the installer under a shell; `uname` is what a system would call itself. */
async function install(text: string, argv: readonly string[], uname = 'Linux', shell = ['sh']) {
  const bin = join(folder, `bin-${uname}`);
  await mkdir(bin, { recursive: true });
  await writeFile(join(bin, 'uname'), `#!/bin/sh\necho ${uname}\n`);
  await chmod(join(bin, 'uname'), 0o755);
  const file = join(folder, 'install.sh');
  await writeFile(file, text);
  const [command = 'sh', ...first] = shell;
  return new Promise<{ status: number; said: string }>((resolve) => {
    const env = { PATH: `${bin}:${process.env.PATH}` };
    execFile(command, [...first, file, ...argv], { env }, (error, stdout, stderr) =>
      resolve({ status: error === null ? 0 : Number(error.code), said: stdout + stderr }),
    );
  });
}

/** Text between the lines `from` and `END` of the installer. */
function hereDocument(from: string): string {
  const start = script.indexOf('\n', script.indexOf(`<<'END'`, script.indexOf(`\n${from}() {`))) + 1;
  return script.slice(start, script.indexOf('\nEND\n', start) + 1);
}

describe('install.sh', () => {
  test("makes nothing in the agent's folder but as its user, and follows no link there", async () => {
    const functions = script.slice(0, script.lastIndexOf('\n{ main'));
    const hosts = join(folder, 'denied');
    const stubs = [
      `HOSTS=${hosts} WRAPPERS=${folder}/hosts.deny stage=${folder} made_folders=''`,
      `printf 'hosts-deny\\t%s/list\\tsshd\\n' "$HOSTS" >"$stage/needs"`,
      'setpriv() { echo "$1 $2 $3"; shift 3; "$@"; }',
      'chown() { echo "chown $*"; }',
      'put() { cat "$1"; }',
    ].join('\n');
    await mkdir(hosts, { recursive: true });
    await symlink(join(folder, 'nowhere'), join(hosts, 'list'));
    const { said, status } = await install(`${functions}\n${stubs}\nname_patterns\n`, []);
    expect(said.split('\n').slice(0, 2)).toEqual([
      `chown -h picket-agent:picket-agent ${hosts}`,
      '--reuid=picket-agent --regid=picket-agent --clear-groups',
    ]);
    expect(said).toContain(`sshd: ${hosts}/list`);
    expect(status).toBe(0);
    expect(await readdir(folder)).not.toContain('nowhere');
    expect((await lstat(join(hosts, 'list'))).isFile()).toBe(true);
  });

  const settings = (text: string) => text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const original = async (name: string) => settings(await readFile(join(UNITS, name), 'utf8'));

  test.each([
    ['unit', 'picket-agent.service'],
    ['restore_unit', 'picket-restore.service'],
  ])('carries the %s of infra/ without its comments', async (part, name) => {
    // All but the line that makes it run.
    const functions = script.slice(0, script.lastIndexOf('\n{ main'));
    const newest = 'systemctl() { echo "systemd 254 (254)"; }';
    const { status, said } = await install(`${functions}\n${newest}\n${part}\n`, []);
    expect(settings(said)).toEqual(await original(name));
    expect(status).toBe(0);
  });

  test('carries each drop-in of infra/ without its comments, and no other', async () => {
    const carried = [...script.matchAll(/^ {4}([\w-]+)\) cat <<'END'\n([\s\S]*?)^END$/gm)];
    const names = (await readdir(join(UNITS, 'drop-in'))).sort();
    expect(carried.map(([, need]) => `${need}.conf`).sort()).toEqual(names);
    for (const [, need, text = ''] of carried)
      expect(settings(text)).toEqual(await original(`drop-in/${need}.conf`));
  });

  test('installs a config whose comments are the defaults of the agent, every one of them', () => {
    const text = `${hereDocument('config')}# allow_insecure_http = false\n`;
    expect(parsePolicy(text, 'picket.toml')).toEqual(policySchema.parse({}));
    const uncommented = parsePolicy(text.replace(/^# (?=\w+ = )/gm, ''), 'picket.toml');
    expect(uncommented).toEqual(policySchema.parse({}));
    const { lab: _, ...keys } = policySchema.parse({});
    for (const [section, value] of Object.entries(keys))
      for (const key of typeof value === 'object' ? Object.keys(value) : [section])
        expect(text).toMatch(new RegExp(`^# ${key} = `, 'm'));
  });

  test('asks for the Node version of package.json', async () => {
    const { engines } = JSON.parse(await readFile(join(import.meta.dirname, '../package.json'), 'utf8'));
    const [, major, minor] = /^NODE_MAJOR=(\d+)\nNODE_MINOR=(\d+)$/m.exec(script) ?? [];
    expect(engines.node).toBe(`>=${major}.${minor}`);
  });

  test('does nothing when the download was cut anywhere', async () => {
    // At some ends of lines, and everywhere in the last line, which alone makes it run.
    const ends = [...script.matchAll(/\n/g)]
      .map(({ index }) => index + 1)
      .filter((end, index) => index % 12 === 0 && end < script.length);
    const last = script.trimEnd().lastIndexOf('\n') + 1;
    const some = [...ends, ...Array.from({ length: script.trimEnd().length - last }, (_, n) => last + n)];
    for (const end of some) {
      const { said } = await install(script.slice(0, end), ['--help']);
      expect(said.replaceAll(/^.*(?:[Ss]yntax error|here-document|unexpected).*$/gm, '').trim()).toBe('');
    }
  });

  test.each([
    ['FreeBSD', 'FreeBSD'],
    ['OpenBSD', 'OpenBSD'],
    ['SunOS', 'Solaris and illumos'],
  ])('says on %s that it is not built yet, for installing and removing', async (uname, name) => {
    for (const argv of [[], ['--uninstall'], ['--dry-run']]) {
      const { status, said } = await install(script, argv, uname);
      expect(said).toContain(`${name}: not built yet`);
      expect(status).toBe(3);
    }
  });

  test.each([
    [['--join-key', 'picket1.x'], 'other users can see a command line'],
    [['--frobnicate'], 'unknown option: --frobnicate'],
    [['--config'], '--config needs a value'],
    [['--keep-state'], '--keep-state goes with --uninstall'],
    [['--uninstall', '--url', 'https://c.example'], '--uninstall goes with --keep-state and --dry-run only'],
    [['--uninstall', '--config', '/x'], '--uninstall goes with --keep-state and --dry-run only'],
  ])('refuses %j', async (argv, message) => {
    const { status, said } = await install(script, argv);
    expect(said).toContain(message);
    expect(status).toBe(2);
  });

  test.each([
    ['', true],
    ['[uplink]\n# allow_insecure_http = true\n', true],
    ['[uplink]\nallow_insecure_http = false\n', true],
    ['[other]\nallow_insecure_http = true\n', true],
    ['[uplink]\nallow_insecure_http = true # a lab\n', false],
    ['[uplink]\n  allow_insecure_http=true\n[allow]\nsources = []\n', false],
    ['[block]\nduration = "1h"\n\n[uplink]\n# a lab\nallow_insecure_http = true\n', false],
  ])('with --insecure-http and the config %j says which line is missing: %s', async (text, isRefused) => {
    const config = join(folder, 'own.toml');
    await writeFile(config, text);
    const { status, said } = await install(script, ['--insecure-http', '--config', config], 'FreeBSD');
    expect(said.includes('"allow_insecure_http = true" below its line [uplink]')).toBe(isRefused);
    expect(status).toBe(isRefused ? 2 : 3);
  });
});
