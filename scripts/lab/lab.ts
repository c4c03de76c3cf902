import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { atExit } from './at-exit.ts';
import { type Capture, capture } from './capture.ts';
import { labMissing } from './missing.ts';
import { folderPrefix, listNamespaces, namespaceName } from './names.ts';
import { type ExecOptions, exec, type Finished, mustExec, type Running, start } from './run.ts';
import { removeNamespaces, sweep } from './sweep.ts';
import { type Node, nodeLines, nodesFor, routerLines, WIRE, wireLines } from './topology.ts';
import { type Witness, witness } from './witness.ts';

const ROOT = resolve(import.meta.dirname, '../..');

/** Time for a listener to bind its ports, ms: it is TypeScript run from source. */
const LISTENER_MS = 20_000;

export type LabOptions = {
  /** Names of the hosts, each with an HTTP server on port 80 and an SSH-like banner on port 22. */
  hosts?: readonly string[];
};

/**
 * Machines on a wire of their own: network namespaces that reach each other and nothing else. Beside the hosts there
 * are always `collector`, `scanner`, `client`, and `far`, which stands behind `router` in another network.
 */
export type Lab = {
  hosts: readonly Node[];
  node: (name: string) => Node;
  /** Folder for logs and files of this lab, removed with it. */
  folder: string;
  /** Name of a node's network namespace. */
  namespace: (node: string) => string;
  /** Runs a command on a node to its end, whatever its status. */
  exec: (node: string, argv: readonly string[], options?: ExecOptions) => Promise<Finished>;
  /** As `exec`, and throws when the command fails. */
  mustExec: (node: string, argv: readonly string[], options?: ExecOptions) => Promise<string>;
  /** Starts a process on a node; it ends with the lab at the latest. Its log file is named after `name`. */
  spawn: (node: string, name: string, argv: readonly string[], options?: ExecOptions) => Running;
  /** Gives a node one more address, IPv4 or IPv6. */
  addAddress: (node: string, address: string) => Promise<void>;
  /** Records the wire: every frame once, whoever sent it. */
  capture: (name: string) => Promise<Capture>;
  /** Counters of a node, in a table of their own; they count from the first call on. */
  witness: (node: string) => Promise<Witness>;
  /** Ends all processes, gently first, and removes the namespaces and the folder. */
  close: () => Promise<void>;
};

let serials = 0;

/**
 * Brings a lab up, its listeners included. It is torn down by `close`, at the latest when the process exits or is
 * interrupted; what a killed process leaves, the next lab on this machine sweeps away.
 */
export async function openLab({ hosts = ['a', 'b', 'c'] }: LabOptions = {}): Promise<Lab> {
  const missing = labMissing();
  if (missing !== undefined) throw new Error(missing);
  sweep();
  const nodes = nodesFor(hosts);
  const owner = { ownerPid: process.pid, serial: ++serials };
  const namespace = (node: string) => namespaceName(owner, node);
  const folder = mkdtempSync(join(tmpdir(), folderPrefix(owner)));
  // A database in it runs as a user of its own, who passes through.
  chmodSync(folder, 0o711);
  const running: Running[] = [];
  const witnesses = new Map<string, Promise<Witness>>();
  const remove = () => {
    removeNamespaces(
      listNamespaces().filter((n) => n.ownerPid === owner.ownerPid && n.serial === owner.serial),
    );
    rmSync(folder, { recursive: true, force: true });
  };
  const forget = atExit(remove);

  const inside = (node: string, argv: readonly string[]) => ['ip', 'netns', 'exec', namespace(node), ...argv];
  const spawn: Lab['spawn'] = (node, name, argv, options) => {
    const child = start(inside(node, argv), join(folder, `${name}.log`), options);
    running.push(child);
    return child;
  };
  const lab: Lab = {
    hosts: nodes.filter(({ name }) => hosts.includes(name)),
    folder,
    namespace,
    spawn,
    node: (name) => find(nodes, name),
    exec: (node, argv, options) => exec(inside(node, argv), options),
    mustExec: (node, argv, options) => mustExec(inside(node, argv), options),
    addAddress: (node, address) => addAddress(namespace(node), address),
    capture: (name) => capture((argv) => spawn(WIRE, name, argv), join(folder, `${name}.pcap`)),
    witness: (node) => {
      const known = witnesses.get(node) ?? witness((argv, stdin) => mustExec(inside(node, argv), { stdin }));
      witnesses.set(node, known);
      return known;
    },
    close: async () => {
      // The youngest first: whoever was started last may need those before it to end well.
      for (const child of running.reverse()) await child.stop();
      remove();
      forget();
    },
  };
  await build(nodes, namespace);
  await Promise.all(lab.hosts.map((host) => listen(lab, host)));
  return lab;
}

function find(nodes: readonly Node[], name: string): Node {
  const node = nodes.find((candidate) => candidate.name === name);
  if (node === undefined) throw new Error(`the lab has no node "${name}"`);
  return node;
}

const batch = (lines: readonly string[], namespace?: string) =>
  mustExec(['ip', ...(namespace === undefined ? [] : ['-netns', namespace]), '-batch', '-'], {
    stdin: `${lines.join('\n')}\n`,
  });

async function build(nodes: readonly Node[], namespace: (node: string) => string): Promise<void> {
  const names = [WIRE, ...nodes.map(({ name }) => name)];
  await batch(names.map((name) => `netns add ${namespace(name)}`));
  await Promise.all(names.map((name) => setUpKernel(namespace(name), name === 'router')));
  await batch(wireLines(nodes, namespace), namespace(WIRE));
  await batch(routerLines(namespace), namespace('router'));
  await Promise.all(nodes.map((node) => batch(nodeLines(node), namespace(node.name))));
}

/**
 * Settings of a namespace, before it gets its interfaces. IPv6 addresses are usable at once (no duplicate address
 * detection), and nothing depends on what the machine itself has set.
 */
async function setUpKernel(namespace: string, forwards: boolean): Promise<void> {
  const settings = [
    ['ipv6/conf/default/disable_ipv6', '0'],
    ['ipv6/conf/default/accept_dad', '0'],
    ['ipv6/conf/default/accept_ra', '0'],
    ['ipv4/conf/all/rp_filter', '0'],
    ['ipv4/conf/default/rp_filter', '0'],
    ['ipv4/ip_forward', forwards ? '1' : '0'],
    ['ipv6/conf/all/forwarding', forwards ? '1' : '0'],
  ];
  const script = 'while [ $# -gt 0 ]; do echo "$2" >"/proc/sys/net/$1" || exit 1; shift 2; done';
  await mustExec(['ip', 'netns', 'exec', namespace, 'sh', '-c', script, 'sh', ...settings.flat()]);
}

const addAddress = async (namespace: string, address: string): Promise<void> => {
  const line = address.includes(':') ? `${address}/64 dev eth0 nodad` : `${address}/24 dev eth0`;
  await batch([`address add ${line}`], namespace);
};

async function listen(lab: Lab, { name }: Node): Promise<void> {
  const script = join(import.meta.dirname, 'listener.ts');
  const argv = [process.execPath, '--import', 'tsx', script, name];
  await lab.spawn(name, `listener-${name}`, argv, { cwd: ROOT }).printed(/listening/, LISTENER_MS);
}
