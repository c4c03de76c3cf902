import { type Cidr, type Family, familyOf, parseSource, type Tier } from '@picket/protocol';
import type { Entry, EntryCommands, Step } from './entries.ts';
import {
  everyPlace,
  hookStep,
  type IptablesOptions,
  iptables,
  isAllowed,
  isWhole,
  type Place,
  passRules,
  placesOf,
  removeChain,
  restoreTable,
  saveTable,
  tablesOf,
  unhookOthers,
  unhookStep,
} from './entry-iptables.ts';

/** Most sources: the kernel goes through such rules one by one for each packet. */
const MAX_RULES = 2_000;

const ORIGINS = ['local', 'shared'] as const;

/**
 * iptables without ipset: one rule a source, in chains of our own. The rules keep no end, so the agent ends them.
 */
export function iptablesRules(options: IptablesOptions): EntryCommands {
  const { families } = options;
  const places = placesOf(options);
  const tables = tablesOf(places);
  const change = (entries: readonly Entry[], verb: '-A' | '-D'): Step[] =>
    families.flatMap((family) =>
      tables.flatMap((table) => {
        const lines = entries
          .filter((e) => familyOf(e.source) === family && placeOf(places, e.tier)?.table === table)
          .map((e) => `${verb} ${chainOf(places, e)} -s ${e.source} -j DROP`);
        return lines.length === 0 ? [] : [{ command: restoreTable(family, table, lines) }];
      }),
    );
  return {
    name: 'iptables',
    families,
    keepsApart: true,
    most: MAX_RULES,
    setUp: ({ allow }) => [
      ...families.flatMap((family) => places.flatMap((place) => setUpPlace(family, place, allow))),
      ...families.flatMap((family) => places.map((place) => hookStep(family, place))),
      ...unhookOthers(options),
    ],
    list: () => families.flatMap((family) => tables.map((table) => saveTable(family, table))),
    parse: (outputs, _nowMs, stance) => {
      const saved = families.flatMap((family) => tables.map((table) => ({ family, table })));
      const perTable = saved.map(({ family, table }, i) => {
        const inTable = places.filter((place) => place.table === table);
        const allow = stance?.allow.filter((network) => familyOf(network) === family);
        const isAsSet = allow === undefined || inTable.every((place) => lets(outputs[i] ?? '', place, allow));
        return isAsSet ? readTable(outputs[i] ?? '', inTable) : undefined;
      });
      return perTable.includes(undefined) ? undefined : perTable.flatMap((entries) => entries ?? []);
    },
    add: (entries) => change(entries, '-A'),
    remove: (entries) => change(entries, '-D'),
    tearDown: () => [
      ...families.flatMap((family) => everyPlace().map((place) => unhookStep(family, place))),
      ...families.flatMap((family) =>
        everyPlace().flatMap((place) =>
          [place.chain, ...ORIGINS.map((origin) => entryChain(place, origin))].flatMap((chain) =>
            removeChain(family, place.table, chain),
          ),
        ),
      ),
    ],
  };
}

/** The chain with a place's entries, apart from the rules before them, so that those can be made anew alone. */
function entryChain({ chain }: Place, origin: Entry['origin']): string {
  return `${chain}_${origin.toUpperCase()}`;
}

function placeOf(places: readonly Place[], tier: Tier): Place | undefined {
  return places.find((place) => place.tier === tier);
}

function chainOf(places: readonly Place[], { tier, origin }: Entry): string {
  const place = placeOf(places, tier);
  return place === undefined ? '' : entryChain(place, origin);
}

function setUpPlace(family: Family, place: Place, allow: readonly Cidr[]): Step[] {
  const entries = ORIGINS.map((origin) => entryChain(place, origin));
  const rules = [
    ...passRules(place, family),
    ...allow
      .filter((network) => familyOf(network) === family)
      .map((network) => `-A ${place.chain} -s ${network} -j RETURN`),
    ...entries.map((chain) => `-A ${place.chain} -j ${chain}`),
  ];
  return [
    ...entries.map((chain) => ({
      command: iptables(family, place.table, '-N', chain),
      fine: /Chain already exists/,
    })),
    { command: restoreTable(family, place.table, [`:${place.chain} - [0:0]`, ...rules]) },
  ];
}

/** Whether a place lets go whom it is to, and nobody else whom somebody wrote into it. */
function lets(saved: string, { chain }: Place, allow: readonly Cidr[]): boolean {
  const rules = [...saved.matchAll(/ -A (\S+) -s (\S+) -j (?:RETURN|ACCEPT)$/gm)];
  return isAllowed(
    rules.flatMap(([, of, source = '']) => (of === chain ? [source] : [])),
    allow,
  );
}

const RULE = /^\[(\d+):\d+\] -A (\S+) -s (\S+) -j DROP$/gm;

/** The entries in a table, as iptables-save prints it; undefined when one of its places is not whole. */
function readTable(saved: string, places: readonly Place[]): Entry[] | undefined {
  const origins = new Map<string, Pick<Entry, 'tier' | 'origin'>>();
  for (const place of places) {
    const chains = ORIGINS.map((origin) => entryChain(place, origin));
    if (
      !isWhole(
        saved,
        place,
        chains.map((chain) => `-j ${chain}`),
      )
    )
      return undefined;
    for (const origin of ORIGINS) origins.set(entryChain(place, origin), { tier: place.tier, origin });
  }
  return [...saved.matchAll(RULE)].flatMap(([, packets, chain = '', address = '']) => {
    const [source, kind] = [parseSource(address), origins.get(chain)];
    return source === undefined || kind === undefined ? [] : [{ source, ...kind, packets: Number(packets) }];
  });
}
