import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atExit } from '../lab/at-exit.ts';
import { waitFor } from '../lab/wait.ts';
import { makeCgroup, removeCgroup } from './cgroup.ts';

/** Longest wait for the machine to have booted or ended, ms: it takes about one second. */
const BOOT_MS = 30_000;

/** All namespaces of the machine, its root and its working folder (nsenter(1)). */
const ENTER = ['-m', '-u', '-i', '-n', '-p', '-C', '-r', '-w'];

let serial = 0;

/** What a command in the machine said and how it ended. */
export interface Ended {
  readonly status: number | null;
  /** Standard output and standard error, as they came. */
  readonly said: string;
}

/** A throw-away machine with systemd as process 1 and loopback as its only network. */
export interface Machine {
  /** Path in this system of a path in the machine. */
  path(inside: string): string;
  /** Runs a shell script in it as root. */
  run(script: string, stdin?: string): Promise<Ended>;
  /** Like `run`, but throws when it fails. */
  mustRun(script: string, stdin?: string): Promise<string>;
  close(): Promise<void>;
}

/**
 * Boots a machine over this system's /usr. It goes when it is closed, as by a power cut, and with this process.
 *
 * @param disk folder for what stays over a reboot (/etc, /var/lib, /usr/local): the next machine with it goes on from there
 */
export async function bootMachine(disk?: string): Promise<Machine> {
  const name = `picket-machine-${process.pid}-${serial++}`;
  const cgroup = makeCgroup(name);
  if (cgroup === undefined) throw new Error('no cgroup2 is mounted here: systemd cannot run');
  const root = mkdtempSync(join(tmpdir(), `${name}-`));
  const { child, said } = unshare(cgroup, root, disk);
  const forget = atExit(() => child.kill('SIGKILL'));
  const clear = async () => {
    child.kill('SIGKILL');
    await waitFor('the machine to end', () => isEmpty(cgroup), BOOT_MS);
    removeCgroup(cgroup);
    rmdirSync(root);
    forget();
  };
  try {
    const init = await waitFor('process 1', () => said.ended() || initOf(child.pid), BOOT_MS);
    if (init === true) throw new Error(`the machine ended: ${said.text()}`);
    const machine = machineOf(init, clear);
    await waitFor('the machine to boot', () => said.ended() || isBooted(machine), BOOT_MS);
    if (said.ended()) throw new Error(`the machine ended: ${said.text()}`);
    return machine;
  } catch (error) {
    await clear();
    throw error;
  }
}

/** `--kill-child`: process 1 dies with its starter, and all processes of a pid namespace with its process 1. */
function unshare(cgroup: string, root: string, disk: string | undefined) {
  const boot = join(import.meta.dirname, 'boot.sh');
  const script = 'echo $$ >"$0/cgroup.procs" && exec unshare -pfmnuiC --kill-child sh "$@"';
  const argv = ['-c', script, cgroup, boot, root, process.execPath, ...(disk === undefined ? [] : [disk])];
  const child = spawn('sh', argv, { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (text += part));
  return { child, said: { text: () => text, ended: () => child.exitCode !== null } };
}

/** Process 1 of the machine, once it is systemd: before that its root is not the machine's yet. */
function initOf(unsharePid: number | undefined): number | undefined {
  try {
    const children = readFileSync(`/proc/${unsharePid}/task/${unsharePid}/children`, 'utf8');
    const pid = Number(children.trim().split(' ')[0]);
    return readFileSync(`/proc/${pid}/comm`, 'utf8') === 'systemd\n' ? pid : undefined;
  } catch {
    return undefined; // not started yet
  }
}

function machineOf(init: number, close: () => Promise<void>): Machine {
  const run = (script: string, stdin = '') => enter(init, script, stdin);
  return {
    path: (inside) => `/proc/${init}/root${inside}`,
    run,
    mustRun: async (script, stdin) => {
      const { status, said } = await run(script, stdin);
      if (status !== 0) throw new Error(`exit status ${status} of: ${script}\n${said}`);
      return said;
    },
    close,
  };
}

function enter(init: number, script: string, stdin: string): Promise<Ended> {
  const child: ChildProcess = spawn('nsenter', ['-t', String(init), ...ENTER, 'sh', '-c', script], {
    env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin', LC_ALL: 'C', HOME: '/root' },
  });
  let said = '';
  child.stdout?.on('data', (part) => (said += part));
  child.stderr?.on('data', (part) => (said += part));
  child.stdin?.on('error', () => {}); // a script need not read
  child.stdin?.end(stdin);
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (status) => resolve({ status, said }));
  });
}

async function isBooted(machine: Machine): Promise<boolean> {
  const { said } = await machine.run('systemctl is-system-running');
  return /^(running|degraded)$/m.test(said);
}

function isEmpty(cgroup: string): boolean {
  return /^populated 0$/m.test(readFileSync(join(cgroup, 'cgroup.events'), 'utf8'));
}
