import type { Moment } from './chaos-moment.ts';

/** A thing to do to a chain of agents, collector and database. */
export type Cut = { victim: 'network'; momentMs: number; lastsMs: number };
export type Kill = {
  victim: 'agent' | 'collector' | 'database' | 'both';
  /** Of an agent. */
  host: string;
  momentMs: number;
  /** Time until it is started again. */
  downMs: number;
  /** Undefined: at once, wherever it is. */
  call?: Moment;
};
export type Plan = Cut | Kill;

/**
 * System calls before which each may die, as strace names them; `?` stands before what not every processor has. Who is
 * killed as it enters a call has done all before it and nothing of it. So an agent dies between writing to the spool and
 * fdatasync, between fsync and rename of a state file, before it forgets what was taken (unlink), before a push (writev);
 * a collector before each statement, the commit among them, and each reply; a database before its log is written,
 * before it is synced, and between the commit and the word of it (sendto).
 */
const CALLS = {
  agent: [
    'fdatasync',
    'fsync',
    '?rename,?renameat,?renameat2',
    '?unlink,?unlinkat',
    'write',
    'writev',
    'close',
  ],
  collector: ['write', 'writev', 'read'],
  database: ['fdatasync', 'pwrite64', 'sendto'],
} as const;

/** Most calls of the kind that a victim may make before. */
const MOST_CALLS = { agent: 3, collector: 12, database: 8 } as const;

/** Latest moment after the last thing that was done, ms, and longest time that somebody stays dead. */
const LATEST_MS = 800;
const DOWN_MS = 600;

/** Cuts last so long, ms: connections live through the short ones, and the long ones meet the next kills. */
const CUT_MS = { least: 300, most: 4_000 } as const;

/** Share of kills that wait for a system call. */
const AT_CALLS = 0.6;

/** Draws what to do next. `isPrivate`: only the collector and its own database are to die. */
export function draw(
  random: () => number,
  { hosts, isPrivate }: { hosts: readonly string[]; isPrivate: boolean },
): Plan {
  const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T;
  const momentMs = Math.floor(random() * LATEST_MS);
  const victims = isPrivate ? PRIVATE_VICTIMS : VICTIMS;
  const victim = pick(victims);
  if (victim === 'network') {
    const lastsMs = Math.floor(CUT_MS.least + random() * (CUT_MS.most - CUT_MS.least));
    return { victim, momentMs, lastsMs };
  }
  const kill = { victim, host: pick(hosts), momentMs, downMs: Math.floor(random() * DOWN_MS) };
  if (random() >= AT_CALLS || victim === 'both') return kill;
  return {
    ...kill,
    call: { call: pick(CALLS[victim]), when: 1 + Math.floor(random() * MOST_CALLS[victim]) },
  };
}

/** Each as often as it stands here. */
const VICTIMS = [
  ...(['agent', 'agent', 'agent', 'agent', 'collector', 'collector', 'collector'] as const),
  ...(['database', 'database', 'both', 'network'] as const),
] as const;
const PRIVATE_VICTIMS = ['collector', 'database', 'both'] as const;
