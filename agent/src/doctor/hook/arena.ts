import { startListening } from '../../run/listening-child.ts';
import type { Command, Runner } from '../../run/runner.ts';

/** How long the namespaces of a trial live at most, s. */
const LIFE_S = 30;

/**
 * Holds a namespace. It writes into the pipe to this process now and then, and ends when nobody reads any more: whatever ends
 * this process, the namespaces and their wire go within a second. The whole script is fixed text.
 */
const HOLD = [
  'sh',
  '-c',
  `echo "in place $$" >&2; i=0; while [ $i -lt ${LIFE_S} ] && sleep 1 && echo; do i=$((i + 1)); done`,
] as const;

/** Puts a command line into namespaces. */
export type Enter = (argv: Command['argv']) => Command['argv'];

/**
 * Two ends of a wire: a stranger in a network namespace of its own, and a host that is this one, or a second namespace in
 * which nothing of this one is touched. When the stranger's namespace goes, the kernel takes the wire with it.
 */
export interface Arena {
  readonly inHost: Enter;
  readonly inPeer: Enter;
  /** The process in whose namespace the stranger's end of the wire belongs. */
  readonly peerPid: number;
  close(): Promise<void>;
}

interface Holder {
  readonly pid: number;
  readonly enter: Enter;
  stop(): Promise<void>;
}

/**
 * Opens namespaces. Root of the machine makes them so; others, such as the agent's own user, in a user namespace, where this
 * system permits that.
 *
 * @param where `here`: the host is this one; `apart`: the host is a namespace too
 * @throws Error in the system's words when no namespace can be had
 */
export async function openArena(where: 'here' | 'apart'): Promise<Arena> {
  const first = await openFirst();
  if (where === 'here')
    return { inHost: (argv) => argv, inPeer: first.enter, peerPid: first.pid, close: first.stop };
  // The second within the first: whoever owns the one may put a wire into the other.
  const peer = await hold(first.enter, ['unshare', '-n'], first.enter).catch(async (error) => {
    await first.stop();
    throw error;
  });
  const close = async () => {
    await peer.stop();
    await first.stop();
  };
  return { inHost: first.enter, inPeer: inNetwork(first.enter, peer.pid), peerPid: peer.pid, close };
}

async function openFirst(): Promise<Holder> {
  const asIs: Enter = (argv) => argv;
  const asRoot = await hold(asIs, ['unshare', '-n'], asIs).catch((error: Error) => error);
  if (!(asRoot instanceof Error)) return { ...asRoot, enter: inNetwork(asIs, asRoot.pid) };
  const own = await hold(asIs, ['unshare', '--user', '--map-root-user', '--net'], asIs);
  return {
    ...own,
    enter: (argv) => ['nsenter', '-t', `${own.pid}`, '-U', '-n', '--preserve-credentials', ...argv],
  };
}

const inNetwork =
  (outer: Enter, pid: number): Enter =>
  (argv) =>
    outer(['nsenter', '-t', `${pid}`, '-n', ...argv]);

async function hold(outer: Enter, unshare: readonly [string, ...string[]], enter: Enter): Promise<Holder> {
  let said = '';
  const child = await startListening({
    argv: outer([...unshare, ...HOLD]),
    ready: /in place \d+\n/,
    onData() {},
    onWords: (text) => {
      said += text;
    },
  });
  return { pid: Number(/in place (\d+)/.exec(said)?.[1]), enter, stop: () => child.stop() };
}

/** A runner whose commands run inside. */
export const runInside =
  (run: Runner, enter: Enter): Runner =>
  (command) =>
    run({ ...command, argv: enter(command.argv) });
