import { parseSource, type Source } from '@picket/protocol';
import type { Command } from '../run/runner.ts';
import type { Entry, EntryCommands, Step } from './entries.ts';
import { type RouteRow, readRoutes } from './reject-route-rows.ts';

/** How a system marks routes as ours, and tells them. */
interface RouteSystem {
  /** What of a new route says that it is ours. */
  readonly mark: readonly string[];
  /** The same when it is removed, where the system looks at it. */
  readonly removalMark: readonly string[];
  readonly list: readonly Command[];
  readonly isOurs: (row: RouteRow) => boolean;
}

const netstat = (...words: readonly string[]): Command => ({ argv: ['netstat', ...words] });

/** The number in our routes' marks where the mark is one; Picket's as an NFLOG group too. */
const NUMBER = '4715';

/**
 * FreeBSD: a protocol's own flag, `2` (routing daemons use 1). OpenBSD: a priority, which makes it another route than
 * one of an administrator's (8) to the same place, and before it. Solaris and illumos know neither: an MTU that nobody
 * would choose, which a route that throws away does not use.
 */
const SYSTEMS = {
  freebsd: {
    mark: ['-proto2'],
    removalMark: [],
    list: [netstat('-rnW', '-f', 'inet'), netstat('-rnW', '-f', 'inet6')],
    isOurs: ({ flags }) => /B/.test(flags) && /2/.test(flags),
  },
  openbsd: {
    mark: ['-priority', '7'],
    removalMark: ['-priority', '7'],
    list: [netstat('-rn', '-f', 'inet'), netstat('-rn', '-f', 'inet6')],
    isOurs: ({ flags, after }) => /B/.test(flags) && after.at(-2) === '7',
  },
  sunos: {
    mark: ['-mtu', NUMBER],
    removalMark: [],
    list: [netstat('-rnv', '-f', 'inet'), netstat('-rnv', '-f', 'inet6')],
    isOurs: ({ flags, before }) =>
      /[Bb]/.test(flags) && before.some((word) => word.replace('*', '') === NUMBER),
  },
} as const satisfies Record<string, RouteSystem>;

/** Each route takes a run of `route`, some ms each: more would keep the host's own blocks waiting. */
const MOST = 2_000;

/** What route says, on its output or its standard error, of a route that is there already, or is not. */
const THERE = /route already in table|entry exists|File exists/;
const GONE = /not in table|route has not been found|No such process/;

/**
 * Blackhole routes of FreeBSD, OpenBSD, Solaris and illumos: the last resort, where no packet filter is. They throw away
 * what the host answers, not what arrives: whoever is blocked gets no answer and loses the connections that it has.
 */
export function rejectRoutes(name: keyof typeof SYSTEMS): EntryCommands {
  const system: RouteSystem = SYSTEMS[name];
  const removal = (entries: readonly Entry[]): Step[] =>
    entries.map(({ source }) => ({
      command: route('delete', source, system.removalMark),
      fine: GONE,
    }));
  return {
    name: 'route',
    keepsApart: false,
    onlyTier: 'dropped',
    most: MOST,
    setUp: () => [],
    list: () => system.list,
    parse: (outputs) => outputs.flatMap((text) => readRoutes(text).flatMap((row) => entryOf(row, system))),
    add: (entries) =>
      entries.map(({ source }) => ({
        command: route('add', source, ['-blackhole', ...system.mark]),
        fine: THERE,
      })),
    remove: removal,
    tearDown: removal,
  };
}

/** The gateway is named at removal too: a route of an administrator's over another one is not meant. */
function route(verb: 'add' | 'delete', source: Source, mark: readonly string[]): Command {
  const isSix = source.includes(':');
  const kind = source.includes('/') ? '-net' : '-host';
  const words = [isSix ? '-inet6' : '-inet', kind, source, isSix ? '::1' : '127.0.0.1', ...mark];
  return { argv: ['route', '-n', verb, ...words] };
}

/**
 * Takes away a route that is not there, to an address of documentation (RFC 5737): that it is not there is said only to
 * who may change routes.
 */
export function routeTrial(name: keyof typeof SYSTEMS): readonly Step[] {
  return [{ command: route('delete', '192.0.2.0', SYSTEMS[name].removalMark), fine: GONE }];
}

function entryOf(row: RouteRow, { isOurs }: RouteSystem): Entry[] {
  const source = parseSource(row.destination);
  const isLoopback = row.gateway === '127.0.0.1' || row.gateway === '::1';
  return source !== undefined && isLoopback && isOurs(row)
    ? [{ source, tier: 'dropped', origin: 'local' }]
    : [];
}
