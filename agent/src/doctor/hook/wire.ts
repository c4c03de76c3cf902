import type { Address, Family, Source } from '@picket/protocol';
import { TRIAL_WIRE } from '../../host/facts.ts';
import type { Runner } from '../../run/runner.ts';
import type { Arena } from './arena.ts';

/** Addresses of a trial in one family, all of documentation (RFC 5737, RFC 3849): they are nobody's. */
export interface Trial {
  readonly family: Family;
  readonly host: Address;
  /** Who is blocked, and the block's source. */
  readonly stranger: Address;
  readonly source: Source;
  /** Who is not blocked, and says that the wire works. */
  readonly control: Address;
  /** Where `control` finds the host; another network where blocks are whole ones. */
  readonly controlHost: Address;
  readonly prefix: number;
}

export const TRIALS: readonly Trial[] = [
  {
    ...{ family: 4, host: '192.0.2.2', stranger: '192.0.2.1', source: '192.0.2.1', prefix: 29 },
    ...{ control: '192.0.2.3', controlHost: '192.0.2.2' },
  },
  {
    ...{ family: 6, host: '2001:db8:d0c:1::2', stranger: '2001:db8:d0c:1::1', source: '2001:db8:d0c:1::/64' },
    ...{ control: '2001:db8:d0c:2::1', controlHost: '2001:db8:d0c:2::2', prefix: 64 },
  },
];

/** How the addresses above look in a list of addresses or routes. */
const OURS = /\b192\.0\.2\.|\b2001:db8:d0c:/;

/** Why the addresses of the trials cannot be used here: somebody has them. */
export async function whyTaken(run: Runner): Promise<string | undefined> {
  for (const argv of [
    ['ip', '-o', 'address', 'show'],
    ['ip', '-o', '-4', 'route', 'show', 'table', 'all'],
    ['ip', '-o', '-6', 'route', 'show', 'table', 'all'],
  ] as const) {
    const { stdout } = await run({ argv });
    const line = stdout.split('\n').find((each) => OURS.test(each));
    if (line !== undefined)
      return `this host uses addresses of documentation itself: ${line.trim().slice(0, 200)}`;
  }
  return undefined;
}

/** The host's end of the wire. There can be one of that name only, so two doctors never lay wires at the same time. */
const WIRE = TRIAL_WIRE;

/** Takes the wire away; its namespace would do so too, a moment later. */
export async function cutWire(run: Runner, arena: Arena): Promise<void> {
  await ip(run, arena.inHost, `link delete ${WIRE}`);
}

/**
 * Lays the wire. It has the families that this system has.
 *
 * @returns the trials that can be made
 * @throws Error in `ip`'s words when there is no wire
 */
export async function layWire(run: Runner, arena: Arena): Promise<readonly Trial[]> {
  const inHost = (line: string) => ip(run, arena.inHost, line);
  const inPeer = (line: string) => ip(run, arena.inPeer, line);
  must(await inHost(`link add ${WIRE} type veth peer name eth0 netns ${arena.peerPid}`));
  for (const line of ['link set lo up', 'link set eth0 up']) must(await inPeer(line));
  must(await inHost(`link set ${WIRE} up`));
  await inHost('link set lo up');
  const usable: Trial[] = [];
  for (const trial of TRIALS) {
    const added = await addressesOf(trial, inHost, inPeer);
    if (added === undefined) usable.push(trial);
    else if (trial.family === 4) throw new Error(added);
  }
  return usable;
}

/** Why the addresses of a trial cannot be set, or undefined when they are. */
async function addressesOf(
  { family, host, stranger, control, controlHost, prefix }: Trial,
  inHost: (line: string) => Promise<string | undefined>,
  inPeer: (line: string) => Promise<string | undefined>,
): Promise<string | undefined> {
  const add = (address: Address, device: string) =>
    `address add ${address}/${prefix} dev ${device}${family === 6 ? ' nodad' : ''}`;
  for (const address of new Set([host, controlHost])) {
    const fault = await inHost(add(address, WIRE));
    if (fault !== undefined) return fault;
  }
  for (const address of [stranger, control]) {
    const fault = await inPeer(add(address, 'eth0'));
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** Runs one line of ip(8). @returns its words when it failed */
async function ip(run: Runner, enter: Arena['inHost'], line: string): Promise<string | undefined> {
  const { status, stderr } = await run({ argv: enter(['ip', ...line.split(' ')] as [string, ...string[]]) });
  return status === 0 ? undefined : `ip ${line}: ${stderr.trim() || `exit status ${status}`}`;
}

function must(fault: string | undefined): void {
  if (fault !== undefined) throw new Error(fault);
}
