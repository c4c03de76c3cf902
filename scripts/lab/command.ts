import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type Lab, openLab } from './lab.ts';
import { isAlive, listNamespaces, namespaceName } from './names.ts';
import { sweep } from './sweep.ts';
import { waitFor } from './wait.ts';

const USAGE = `usage: scripts/lab/lab up       bring a lab up; it stays until "down"
       scripts/lab/lab hold     bring a lab up, and down again at Ctrl-C
       scripts/lab/lab status   the labs of this machine
       scripts/lab/lab down     tear down what "up" and "hold" brought up
       scripts/lab/lab sweep    remove what killed labs left
       scripts/lab/lab kill [--times N] [--seed N]
                                kill an agent at N seeded moments and look at what is left`;

/** Time for a lab to end its processes, ms. */
const DOWN_MS = 30_000;

const COMMANDS: Record<string, () => Promise<void>> = { up, hold, status, down, sweep: sweepNow, kill };

const [name = '', ...rest] = process.argv.slice(2);
const command = COMMANDS[name];
const numbers = readNumbers(rest);
if (command === undefined || numbers === undefined || (rest.length > 0 && command !== kill)) {
  console.error(USAGE);
  process.exitCode = 2;
} else {
  await command().catch((error: Error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}

/** `--times N --seed N`; undefined for anything else. */
function readNumbers(args: readonly string[]): { times: number; seed: number } | undefined {
  const found = { times: 200, seed: 4 };
  for (let i = 0; i < args.length; i += 2) {
    const [option = '', value = ''] = args.slice(i, i + 2);
    const key = option.replace(/^--/, '');
    if ((key !== 'times' && key !== 'seed') || !/^[1-9]\d{0,8}$/.test(value)) return undefined;
    found[key] = Number(value);
  }
  return found;
}

async function kill(): Promise<void> {
  const { runKills } = await import('./kill.ts');
  const { kills, reboots, trips, violations } = await runKills({
    ...(numbers ?? { times: 1, seed: 1 }),
    say: console.log,
  });
  console.log(
    `${kills} kills, ${reboots} of them with a power cut, while ${trips} sources tripped since the last cut`,
  );
  console.log(
    violations.length === 0 ? 'no violation' : `${violations.length} violations:\n${violations.join('\n')}`,
  );
  if (violations.length > 0) process.exitCode = 1;
}

function describe(lab: Lab): string {
  const names = [...lab.hosts.map((host) => host.name), 'collector', 'scanner', 'client', 'far', 'router'];
  const rows = names.map((node) => {
    const { v4, v6 } = lab.node(node);
    return `${node.padEnd(10)} ${v4.padEnd(16)} ${v6.padEnd(20)} ip netns exec ${lab.namespace(node)} …`;
  });
  return rows.join('\n');
}

/** The lab of this process: it goes when the process does. */
async function hold(): Promise<void> {
  const lab = await openLab();
  console.log(describe(lab));
  setInterval(() => {}, 2 ** 31 - 1);
}

/** A lab of a process that stays behind. */
async function up(): Promise<void> {
  const argv = [...process.execArgv, import.meta.filename, 'hold'];
  const keeper = spawn(process.execPath, argv, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const stop = () => keeper.kill('SIGTERM');
  process.once('SIGINT', stop).once('SIGTERM', stop);
  let said = '';
  keeper.stderr.on('data', (text) => (said += text));
  const first = await Promise.race([once(keeper.stdout, 'data'), once(keeper, 'exit').then(() => undefined)]);
  if (first === undefined) throw new Error(said.trim() || 'the lab was interrupted');
  console.log(`${String(first[0]).trim()}\nkept by process ${keeper.pid}; "scripts/lab/lab down" removes it`);
  keeper.stdout.destroy();
  keeper.stderr.destroy();
  keeper.unref();
}

async function status(): Promise<void> {
  const namespaces = listNamespaces();
  const labs = new Map(namespaces.map((namespace) => [namespaceName(namespace, '*'), namespace]));
  if (labs.size === 0) console.log('no lab is up');
  for (const [label, { ownerPid }] of labs) {
    const state = isAlive(ownerPid)
      ? `up, kept by process ${ownerPid}`
      : 'left by a killed process: sweep it';
    console.log(`${label}  ${state}`);
  }
}

/** Only labs that this command keeps: those of a test or a demo belong to it. */
async function down(): Promise<void> {
  const keepers = [...new Set(listNamespaces().map(({ ownerPid }) => ownerPid))].filter(isKeeper);
  for (const pid of keepers) process.kill(pid, 'SIGTERM');
  const isGone = () => !listNamespaces().some(({ ownerPid }) => keepers.includes(ownerPid));
  await waitFor('the labs to go', isGone, DOWN_MS);
  console.log(keepers.length === 0 ? 'no lab is up' : `labs removed: ${keepers.length}`);
}

function isKeeper(pid: number): boolean {
  if (!isAlive(pid)) return false;
  const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  return argv.some((part) => part.endsWith('lab/command.ts')) && argv.includes('hold');
}

async function sweepNow(): Promise<void> {
  const swept = sweep();
  console.log(swept.length === 0 ? 'nothing was left' : swept.map((name) => `removed ${name}`).join('\n'));
}
