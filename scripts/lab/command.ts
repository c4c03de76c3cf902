import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { chaos } from './chaos-command.ts';
import { kill, readNumbers } from './kill-command.ts';
import { type Lab, openLab } from './lab.ts';
import { isAlive, listNamespaces, namespaceName } from './names.ts';
import { sweep } from './sweep.ts';
import { waitFor } from './wait.ts';

const USAGE = `usage: scripts/lab/lab up       bring a lab up; it stays until "down"
       scripts/lab/lab hold     bring a lab up, and down again at Ctrl-C
       scripts/lab/lab status   the labs of this machine
       scripts/lab/lab down [PROCESS]
                                tear down what "up" brought up from this checkout, or the one lab that the
                                process keeps; "status" has the numbers
       scripts/lab/lab sweep    remove what killed labs left
       scripts/lab/lab kill [--times N] [--seed N]
                                kill an agent at N seeded moments and look at what is left
       scripts/lab/lab chaos [--times N] [--seed N]
                                kill agents, collector and database, and cut the network, at N seeded moments
                                while sources scan; then compare the wire with the database
       scripts/lab/lab chaos-private [--times N] [--seed N]
                                the same with a collector and its own private database, which alone are killed`;

/** Time for a lab to end its processes, ms. */
const DOWN_MS = 30_000;

/** How `up` starts the process that stays behind: `hold`, told apart from a person's own. */
const KEEP = 'keep';

const COMMANDS: Record<string, (argument?: string) => Promise<void>> = {
  ...{ up, hold, [KEEP]: hold, status, down, sweep: sweepNow },
};

const [name = '', argument, ...rest] = process.argv.slice(2);
const command = COMMANDS[name];
const killers: Record<string, (numbers: { times: number; seed: number }) => Promise<void>> = {
  kill,
  chaos: (numbers) => chaos({ ...numbers, database: 'own' }),
  'chaos-private': (numbers) => chaos({ ...numbers, database: 'private' }),
};
const killer = killers[name];
const numbers = killer && readNumbers(process.argv.slice(3));
if (killer !== undefined && numbers !== undefined) {
  await killer(numbers);
} else if (command === undefined || rest.length > 0 || (argument !== undefined && name !== 'down')) {
  console.error(USAGE);
  process.exitCode = 2;
} else {
  await command(argument).catch((error: Error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
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
  const argv = [...process.execArgv, import.meta.filename, KEEP];
  const keeper = spawn(process.execPath, argv, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const stop = () => keeper.kill('SIGTERM');
  process.once('SIGINT', stop).once('SIGTERM', stop);
  let said = '';
  keeper.stderr.on('data', (text) => (said += text));
  const first = await Promise.race([once(keeper.stdout, 'data'), once(keeper, 'exit').then(() => undefined)]);
  if (first === undefined) throw new Error(said.trim() || 'the lab was interrupted');
  console.log(
    `${String(first[0]).trim()}\nkept by process ${keeper.pid}; "scripts/lab/lab down ${keeper.pid}" removes it`,
  );
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

/** Only labs that this command keeps: those of a test or a demo belong to it, and others may have labs of their own. */
async function down(argument?: string): Promise<void> {
  const keepers = [...new Set(listNamespaces().map(({ ownerPid }) => ownerPid))].filter(isKeeper);
  const pid = argument === undefined ? ownKeeper(keepers) : keepers.find((one) => `${one}` === argument);
  if (pid === undefined) {
    if (argument !== undefined) throw new Error(`no process ${argument} keeps a lab`);
    console.log('no lab is up');
    return;
  }
  process.kill(pid, 'SIGTERM');
  const isGone = () => !listNamespaces().some(({ ownerPid }) => ownerPid === pid);
  await waitFor('the lab to go', isGone, DOWN_MS);
  console.log('the lab is removed');
}

/** The process of the one lab that `up` brought up from this checkout. */
function ownKeeper(keepers: readonly number[]): number | undefined {
  const own = keepers.filter((pid) => {
    const argv = argvOf(pid);
    return argv.includes(import.meta.filename) && argv.includes(KEEP);
  });
  if (own.length > 1) throw new Error(`several labs are up; which? down ${own.join(', down ')}`);
  return own[0];
}

function isKeeper(pid: number): boolean {
  if (!isAlive(pid)) return false;
  const argv = argvOf(pid);
  const isCommand = argv.some((part) => part.endsWith('lab/command.ts'));
  return isCommand && (argv.includes('hold') || argv.includes(KEEP));
}

function argvOf(pid: number): string[] {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
}

async function sweepNow(): Promise<void> {
  const swept = sweep();
  console.log(swept.length === 0 ? 'nothing was left' : swept.map((name) => `removed ${name}`).join('\n'));
}
