import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Lab } from './lab.ts';
import type { Running } from './run.ts';
import { waitFor } from './wait.ts';

const PROGRAM = resolve(import.meta.dirname, '../../agent/dist/agent.mjs');

/** Time for an agent to watch, ms. */
const READY_MS = 30_000;

/** What the lab's agents have beside the shipped default policy. Each is told to whoever looks at the demo. */
export const DEVIATIONS = [
  {
    setting: 'uplink.allow_insecure_http = true',
    why: 'the lab has no certificates; messages are signed all the same',
  },
  { setting: 'state_dir', why: 'a folder of the run, so that nothing is left on this machine' },
];

/**
 * Gives a program a host's name, and takes the machine's own system log away from it. `ip netns exec` has made the
 * mounts private already.
 */
const AS_HOST =
  'hostname "$1" && shift && if [ -e /dev/log ]; then mount --bind /dev/null /dev/log; fi && exec "$@"';

/** Name by which the agent of a node knows its host. */
export const hostName = (node: string): string => `host-${node}`;

/** Start of a command line that runs a program as the host of a node. */
export const asHost = (node: string): string[] => [
  'unshare',
  '--uts',
  'sh',
  '-c',
  AS_HOST,
  'sh',
  hostName(node),
];

/** The agent of a host, as an administrator has it: the shipped program with a config file. */
export type Agent = {
  /** Its state folder. */
  state: string;
  /** Gives the host its identity. */
  enrol: (joinKey: string) => Promise<void>;
  /** Starts the program and waits until it watches. */
  start: () => Promise<void>;
  /** Sends the program a signal and waits for its end. */
  kill: (signal: NodeJS.Signals) => Promise<void>;
  /** Process of the running program itself. */
  pid: () => Promise<number>;
  /** Command line of another command of the program. */
  argv: (command: string, ...args: string[]) => string[];
  /** Runs another command of the program on that host. */
  ask: (command: string, ...args: string[]) => ReturnType<Lab['exec']>;
  /** Runs `picket-agent down`: removes all it has in the kernel. */
  down: () => Promise<void>;
};

/**
 * Prepares the agent of a host; nothing runs before its `start`.
 *
 * @param settings lines of its config beside the lab's own
 */
export async function prepareAgent(lab: Lab, host: string, settings = ''): Promise<Agent> {
  const folder = join(lab.folder, `agent-${host}`);
  const state = join(folder, 'state');
  await mkdir(state, { recursive: true, mode: 0o700 });
  const config = join(folder, 'picket.toml');
  const own = `state_dir = ${JSON.stringify(state)}\n\n[uplink]\nallow_insecure_http = true\n`;
  await writeFile(config, `${own}\n${settings}`);
  const argv = (command: string, ...rest: string[]) => [
    ...[...asHost(host), process.execPath, PROGRAM],
    ...[command, '--config', config, ...rest],
  ];
  let running: Running | undefined;
  return {
    state,
    enrol: async (joinKey) => {
      await lab.mustExec(host, argv('enroll', '--join-key-file', '-'), { stdin: joinKey });
    },
    start: async () => {
      running = lab.spawn(host, `agent-${host}`, argv('run'));
      const { pid } = running;
      await running.unlessEnded(
        waitFor(`the agent of ${host} to watch`, () => watches(lab, host, pid), READY_MS),
      );
    },
    kill: async (signal) => {
      await running?.kill(signal);
    },
    pid: async () => {
      if (running === undefined) throw new Error(`the agent of ${host} was not started`);
      return running.pid;
    },
    argv: (command, ...args) => [process.execPath, PROGRAM, command, '--config', config, ...args],
    ask: (command, ...args) => lab.exec(host, argv(command, ...args)),
    down: async () => {
      await lab.mustExec(host, argv('down'));
    },
  };
}

/** Seen from outside: its table is in the kernel, and the child that reads the kernel's news runs. */
async function watches(lab: Lab, host: string, pid: number): Promise<boolean> {
  const { status } = await lab.exec(host, ['nft', 'list', 'chain', 'inet', 'picket', 'detect']);
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  const names = await Promise.all(
    children
      .split(' ')
      .filter(Boolean)
      .map((child) => readFile(`/proc/${child}/comm`, 'utf8').catch(() => '')),
  );
  return status === 0 && names.includes('tcpdump\n');
}
