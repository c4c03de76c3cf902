import { readFile } from 'node:fs/promises';
import type { EntryCommands } from '@picket/agent/firewall/entries';
import type { Command } from '@picket/agent/run/runner';
import {
  createStayingRunner,
  type StayingRunner,
  type StayingRunnerOptions,
} from '@picket/agent/run/staying-runner';
import type { Lab } from '../lab.ts';
import type { Running } from '../run.ts';
import { waitFor } from '../wait.ts';

/** The host whose firewall is tried, and what others see of it. */
export const HOST = 'a';

/** Longest wait for what must come, and for what must not, ms. */
const COMES_MS = 5_000;
const SILENT_MS = 1_000;

/** Runs a backend's commands on the host. `renamed` takes another make of a program: iptables of the older kernel interface. */
export function runnerOn(lab: Lab, renamed: (program: string) => string = (program) => program) {
  return ({ argv: [program, ...words], stdin }: Command) =>
    lab.exec(HOST, [renamed(program), ...words], stdin === undefined ? {} : { stdin });
}

/** The same as the agent has it: with the program that stays for small changes, where the backend has one. */
export function stayingRunnerOn(
  lab: Lab,
  { standIn }: EntryCommands,
  { run = runnerOn(lab), log = () => {} }: Partial<Pick<StayingRunnerOptions, 'run' | 'log'>> = {},
): StayingRunner {
  if (standIn === undefined) return { run, close: async () => {} };
  return createStayingRunner(standIn, { run, prefix: ['ip', 'netns', 'exec', lab.namespace(HOST)], log });
}

/** Processes on the host with just this command line. */
export async function pidsOf(lab: Lab, argv: readonly string[]): Promise<number[]> {
  const { stdout } = await lab.exec(HOST, ['ip', 'netns', 'pids', lab.namespace(HOST)]);
  const pids = stdout.split('\n').filter(Boolean).map(Number);
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return pids.filter((_, i) => lines[i] === argv.map((word) => `${word}\0`).join(''));
}

/** Whether a node gets an answer to a ping. */
export async function reaches(lab: Lab, from: string, family: 4 | 6 = 4): Promise<boolean> {
  const { v4, v6 } = lab.node(HOST);
  const { status } = await lab.exec(from, ['ping', '-n', '-c1', '-W1', family === 4 ? v4 : v6]);
  return status === 0;
}

/** Whether a node gets a new connection to a port of the host. */
export async function connects(lab: Lab, from: string, port: number): Promise<boolean> {
  const argv = ['nmap', '-n', '-Pn', '-sT', '-p', `${port}`, lab.node(HOST).v4];
  return (await lab.exec(from, argv)).stdout.includes(`${port}/tcp open`);
}

/** A connection that goes on: each side says a word every 50 ms. */
export interface Conversation {
  /** Whether words still come: `goesOn` waits for them, `isCut` waits for none. */
  goesOn(): Promise<boolean>;
  isCut(): Promise<boolean>;
  end(): Promise<void>;
}

const ECHO = "require('node:net').createServer((s) => s.on('error', () => {}).pipe(s)).listen(7, '::')";

/** Opens a connection from a node to the host. */
export async function converse(lab: Lab, from: string): Promise<Conversation> {
  const server = lab.spawn(HOST, 'echo-server', [process.execPath, '-e', ECHO]);
  const talk = `const s = require('node:net').connect(7, '${lab.node(HOST).v4}');
    s.on('data', (d) => console.log(String(d).trim())); let n = 0; setInterval(() => s.write('word ' + n++ + '\\n'), 50)`;
  await waitFor('the echo server', async () => (await connects(lab, from, 7)) || undefined, COMES_MS);
  const client = lab.spawn(from, 'echo-client', [process.execPath, '-e', talk]);
  await client.printed(/word 0/, COMES_MS);
  return {
    goesOn: () => hearsMore(client, COMES_MS),
    isCut: async () => !(await hearsMore(client, SILENT_MS)),
    end: async () => {
      await Promise.all([client.stop(), server.stop()]);
    },
  };
}

async function hearsMore(client: Running, limitMs: number): Promise<boolean> {
  const words = async () => (await client.output()).trim().split('\n').length;
  const before = await words();
  const more = async () => (await words()) > before + 2 || undefined;
  return waitFor('more words', more, limitMs).then(
    () => true,
    () => false,
  );
}
