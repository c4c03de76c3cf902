import { type Family, parseSource } from '@picket/protocol';
import type { Command } from '../run/runner.ts';
import type { Entry, EntryCommands } from './entries.ts';
import { IP_STAYS } from './entry-stand-ins.ts';

/** Number by which the kernel tells whose a route is; none of those that iproute2 has a name for (rt_protos). */
const PROTOCOL = '112';

/** After all others: of routes to the same network the administrator's own is taken, IPv6's have 1024. */
const METRIC = '4715';

/** What ip says, for each line of a batch, of a route that is there already. */
const THERE = /^(?:RTNETLINK answers: File exists\s+Command failed -:\d+\s*)+$/;

/** What ip says, for each line of a batch, of a route that is not there. */
const GONE = /^(?:RTNETLINK answers: No such process\s+Command failed -:\d+\s*)+$/;

/**
 * Blackhole routes (iproute2): the last resort, where no packet filter is. They throw away what the host answers, not
 * what arrives: whoever is blocked gets no answer and loses the connections that it has. Only with `rp_filter` the
 * kernel refuses arriving packets too.
 *
 * @param families families of addresses that the host has
 */
export function blackholeRoutes(families: readonly Family[]): EntryCommands {
  const batch = (entries: readonly Entry[], verb: 'add' | 'del', fine: RegExp) =>
    entries.length === 0 ? [] : [{ command: batchOf(entries, verb), fine }];
  return {
    name: 'route',
    families,
    keepsApart: false,
    onlyTier: 'dropped',
    standIn: IP_STAYS,
    setUp: () => [],
    list: () => families.map((family) => ({ argv: ip(family, 'show') })),
    parse: (outputs) => outputs.flatMap(readRoutes),
    add: (entries) => batch(entries, 'add', THERE),
    remove: (entries) => batch(entries, 'del', GONE),
    tearDown: () => families.map((family) => ({ command: { argv: ip(family, 'flush') } })),
  };
}

/** Ours and no others, in the table that every packet's way is looked up in. */
function ip(family: Family, verb: 'show' | 'flush'): Command['argv'] {
  return ['ip', `-${family}`, 'route', verb, 'table', 'main', 'type', 'blackhole', 'proto', PROTOCOL];
}

function batchOf(entries: readonly Entry[], verb: 'add' | 'del'): Command {
  const lines = entries.map(
    ({ source }) => `route ${verb} blackhole ${source} proto ${PROTOCOL} metric ${METRIC}\n`,
  );
  // One that is there already must not keep the others out.
  return { argv: ['ip', '-force', '-batch', '-'], stdin: lines.join('') };
}

function readRoutes(shown: string): Entry[] {
  return [...shown.matchAll(/^blackhole (\S+)/gm)].flatMap(([, network = '']) => {
    const source = parseSource(network);
    return source === undefined ? [] : [{ source, tier: 'dropped' as const, origin: 'local' as const }];
  });
}
