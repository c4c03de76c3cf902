import { type Cidr, type Family, familyOf, parseSource, type Tier } from '@picket/protocol';
import type { Entry, EntryCommands, Step } from './entries.ts';
import {
  everyPlace,
  hookStep,
  type IptablesOptions,
  iptables,
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
import { named, placeFault, rulesIn } from './iptables-chains.ts';

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
  const saved = families.flatMap((family) => tables.map((table) => ({ family, table })));
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
    list: () => saved.map(({ family, table }) => saveTable(family, table)),
    damage: (outputs, { allow }) => {
      const found = saved.flatMap(({ family, table }, i) =>
        places
          .filter((place) => place.table === table)
          .map((place) => damageOf(outputs[i] ?? '', family, place, allow)),
      );
      const words = found.find((each) => each.words !== undefined)?.words;
      return words === undefined ? undefined : { words, steps: found.flatMap(({ steps }) => steps) };
    },
    parse: (outputs) => {
      const perTable = saved.map(({ table }, i) =>
        readTable(
          outputs[i] ?? '',
          places.filter((place) => place.table === table),
        ),
      );
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
  return [
    ...ORIGINS.map((origin) => ({
      command: iptables(family, place.table, '-N', entryChain(place, origin)),
      fine: /Chain already exists/,
    })),
    writeChain(family, place, place.chain, chainRules(family, place, allow)),
  ];
}

function chainRules(family: Family, place: Place, allow: readonly Cidr[]): string[] {
  return [
    ...passRules(place, family),
    ...allow
      .filter((network) => familyOf(network) === family)
      .map((network) => `-A ${place.chain} -s ${network} -j RETURN`),
    ...ORIGINS.map((origin) => `-A ${place.chain} -j ${entryChain(place, origin)}`),
  ];
}

/** Has a chain hold these rules and no others, in one transaction. */
function writeChain(family: Family, { table }: Place, chain: string, rules: readonly string[]): Step {
  return { command: restoreTable(family, table, [`:${chain} - [0:0]`, ...rules]) };
}

/** What others wrote into a place's chains or took out of them. A chain of entries is written anew with ours alone. */
function damageOf(saved: string, family: Family, place: Place, allow: readonly Cidr[]) {
  const strange = ORIGINS.map((origin) => entryChain(place, origin)).flatMap((chain) => {
    const rules = rulesIn(saved, chain);
    const ours = rules.filter((rule) => ENTRY.test(rule));
    const others = rules.filter((rule) => !ENTRY.test(rule));
    return others.length === 0 ? [] : [{ others, step: writeChain(family, place, chain, ours) }];
  });
  const others = strange.flatMap((each) => each.others);
  const words = others.length > 0 ? `somebody wrote into it: ${named(others)}` : undefined;
  return {
    words: words ?? placeFault(saved, place, chainRules(family, place, allow)),
    steps: strange.map(({ step }) => step),
  };
}

/** A rule in a chain of entries. */
const ENTRY = /^-A \S+ -s \S+ -j DROP$/;

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
