import { basename } from 'node:path';
import { contains, NO_FACTS, neverBlockRule, type Source } from '@picket/protocol';
import { oneByOne } from '../run/one-by-one.ts';
import type { Desired, Firewall, SharedBlock, Stance } from './firewall.ts';
import { FirewallError } from './firewall.ts';
import { changeFile, readFound, whyNotWritable } from './hosts-deny-file.ts';
import { type Denied, rewrite, rewritePatterns, type Style, takeApart } from './hosts-deny-lines.ts';

/** Most sources in the file: a service reads it whole for each connection; tcpdmatch 7.6.q takes some 5 ms for so many. */
export const MOST_SOURCES = 5_000;

/** Longest that setTimeout can wait, ms; longer waits would end at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The parts of the backend that reach outside, and its settings. */
export interface HostsDenyDeps {
  /** The file of TCP wrappers. */
  readonly file: string;
  readonly daemons: string;
  /** Whether the file holds patterns alone, as the one that the installer has the real file name. */
  readonly patterns: boolean;
  /** Unix ms. */
  readonly now: () => number;
  readonly log: (message: string) => void;
}

/**
 * TCP wrappers: a marked line for each blocked source in hosts.deny, or in FreeBSD's hosts.allow. Only services that read
 * the file refuse (hosts_access(5)); the line of a source that is over is taken out by the agent.
 */
export function createHostsDeny({ file, daemons, patterns, now, log }: HostsDenyDeps): Firewall {
  const style: Style = { daemons, needsDeny: basename(file) === 'hosts.allow' };
  let stance: Stance = { allow: [], onLink: [], enforce: false };
  let local: Desired['local'] = new Map();
  let shared: ReadonlyMap<Source, SharedBlock> = new Map();
  let put: readonly Denied[] = [];
  let left = 0;
  let timer: NodeJS.Timeout | undefined;

  const textOf = (text: string | undefined, denied: readonly Denied[]): string | undefined => {
    if (!patterns) return rewrite(text, denied, style);
    const made = rewritePatterns(text ?? '', denied);
    if (made === undefined)
      throw new FirewallError(`${file} has more than patterns: they take a file of its own`);
    return made;
  };
  const inTurn = oneByOne();
  const tellLeft = (count: number): void => {
    if (count > 0 && left === 0)
      log(`${file} holds at most ${MOST_SOURCES} sources: ${count} blocked ones are not in it`);
    left = count;
  };
  const endInTime = (): void => {
    clearTimeout(timer);
    const next = Math.min(...put.map(({ untilMs }) => untilMs));
    if (next === Number.POSITIVE_INFINITY) return;
    const waitMs = Math.min(Math.max(next - now(), 0), LONGEST_TIMER_MS);
    timer = setTimeout(() => {
      sync().catch((error: Error) => log(`lines that are over may still be in the file: ${error.message}`));
    }, waitMs).unref();
  };
  /** Makes the file as wanted; tells whether others had changed what is ours in it. */
  const write = async (): Promise<boolean> => {
    const { denied, over } = wantedLines(stance, { local, shared }, now());
    let wasChanged = false;
    await changeFile(file, (text) => {
      wasChanged = text !== textOf(text, put);
      return textOf(text, denied);
    });
    put = denied;
    tellLeft(over);
    endInTime();
    return wasChanged;
  };
  const sync = (): Promise<boolean> => inTurn(write);

  return {
    name: 'hosts-deny',
    enforces: true,
    async open(at) {
      stance = at;
      const refusal = await whyNotWritable(file);
      if (refusal !== undefined) throw new FirewallError(refusal);
      const { text } = await readFound(file);
      textOf(text, []);
      const { ours } = takeApart(text ?? '');
      put = ours;
      const found = ours.filter(({ origin, untilMs }) => origin === 'local' && untilMs > now());
      return found.map(({ source, untilMs }) => ({ source, untilMs, tier: 'held' }));
    },
    async apply(want) {
      [stance, local] = [want, want.local];
      await sync();
    },
    async share(list) {
      shared = list;
      await sync();
    },
    async look() {
      if (await sync())
        log(`others had changed the lines of blocked sources in ${file}: they are made again`);
      const inForce = put.filter(({ origin }) => origin === 'local');
      return inForce.map(({ source, untilMs }) => ({ source, untilMs, tier: 'held', packets: 0 }));
    },
    async remove() {
      [local, shared] = [new Map(), new Map()];
      await sync();
      clearTimeout(timer);
    },
    async close() {
      await inTurn(async () => {});
      clearTimeout(timer);
    },
  };
}

interface Blocks {
  readonly local: Desired['local'];
  readonly shared: ReadonlyMap<Source, SharedBlock>;
}

/** What is to stand in the file, the host's own blocks first, and how many found no room. */
function wantedLines(
  { allow, onLink, enforce }: Stance,
  { local, shared }: Blocks,
  nowMs: number,
): { denied: Denied[]; over: number } {
  if (!enforce) return { denied: [], over: 0 };
  const ruleOut = neverBlockRule({ ...NO_FACTS, allow });
  const isSpared = (source: Source): boolean =>
    ruleOut(source) !== undefined || onLink.some((network) => contains(source, network));
  const all = new Map<Source, Denied>();
  let over = 0;
  const take = ({ source, untilMs }: SharedBlock, origin: Denied['origin']): void => {
    // Of a source that is blocked twice the host's own line stands; the network's follows when that one ends.
    if (untilMs <= nowMs || all.has(source)) return;
    if (all.size >= MOST_SOURCES) over++;
    else if (!isSpared(source)) all.set(source, { source, untilMs, origin });
  };
  for (const block of local.values()) take(block, 'local');
  for (const block of shared.values()) take(block, 'network');
  return { denied: [...all.values()], over };
}
