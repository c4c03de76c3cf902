import { type Cidr, type Family, familyOf, parseSource, type Source, type Tier } from '@picket/protocol';
import type { Command } from '../run/runner.ts';
import type { Entry, EntryCommands, Step } from './entries.ts';
import {
  everyPlace,
  hookStep,
  type IptablesOptions,
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
import { IPSET_STAYS } from './entry-stand-ins.ts';
import { allowFault, placeFault } from './iptables-chains.ts';

type Origin = Entry['origin'];

/** Most sources in one set; more than the network's list may hold. */
const MAX_ELEMENTS = 131_072;

/** Longest time that an element may have, s: the kernel counts it in ms of 32 bits (ipset(8), "timeout"). */
const MAX_TIMEOUT_S = 2_147_483;

const GONE = /The set with the given name does not exist/;

/**
 * iptables with ipset: sets that end their elements themselves, asked by two chains of our own. Local blocks, which
 * change often and are counted, and the network's list are sets apart. `hash:net` takes addresses and networks alike.
 */
export function iptablesIpset(options: IptablesOptions): EntryCommands {
  const { families } = options;
  const places = placesOf(options);
  const tables = tablesOf(places);
  const saved = families.flatMap((family) => tables.map((table) => ({ family, table })));
  const sets = families.flatMap((family) => SETS.map((set) => ({ ...set, family })));
  return {
    name: 'iptables-ipset',
    families,
    keepsApart: true,
    keepsEnds: true,
    standIn: IPSET_STAYS,
    setUp: ({ allow }) => [
      restoreSets(sets.map(create)),
      ...families.map((family) => restoreSets(replaceAllowed(family, allow))),
      ...families.flatMap((family) => places.map((place) => chainStep(family, place))),
      ...families.flatMap((family) => places.map((place) => hookStep(family, place))),
      ...unhookOthers(options),
    ],
    list: (scope) => [
      ...saved.map(({ family, table }) => saveTable(family, table)),
      ...sets.map((set) => listSet(set, scope === 'all' || set.origin === 'local')),
      ...families.map((family): Command => ({ argv: ['ipset', 'save', allowed(family)] })),
    ],
    damage: (outputs, { allow }) => {
      const inChains = saved.flatMap(({ family, table }, i) =>
        places
          .filter((place) => place.table === table)
          .map((place) => placeFault(outputs[i] ?? '', place, chainRules(family, place))),
      );
      const inSets = families.map((family, i) => {
        const told = elementsIn(outputs[saved.length + sets.length + i] ?? '');
        return allowFault(allowed(family), told, allowedOf(family, allow));
      });
      const words = [...inChains, ...inSets].find((each) => each !== undefined);
      return words === undefined ? undefined : { words, steps: [] };
    },
    parse: (outputs, nowMs) => {
      const isThere = saved.every(({ family, table }, i) =>
        places
          .filter((place) => place.table === table)
          .every((place) => isWhole(outputs[i] ?? '', place, setsOf(family, place.tier).map(match))),
      );
      if (!isThere) return undefined;
      return sets.flatMap((set, i) => readSet(outputs[saved.length + i] ?? '', set, nowMs));
    },
    add: (entries, nowMs) => [
      restoreSets(
        entries.map((e) => `add ${nameOf(e)} ${e.source} timeout ${secondsLeft(e.untilMs ?? nowMs, nowMs)}`),
      ),
    ],
    remove: (entries) => [restoreSets(entries.map((e) => `del ${nameOf(e)} ${e.source}`))],
    tearDown: () => [
      ...families.flatMap((family) => everyPlace().map((place) => unhookStep(family, place))),
      ...families.flatMap((family) => everyPlace().flatMap((p) => removeChain(family, p.table, p.chain))),
      ...[...sets.map(nameOfSet), ...families.map(allowed)].map((name) => ({
        command: { argv: ['ipset', 'destroy', name] as const },
        fine: GONE,
      })),
    ],
  };
}

interface BlockSet {
  readonly origin: Origin;
  readonly tier: Tier;
  readonly family: Family;
}

const SETS: readonly Omit<BlockSet, 'family'>[] = (['local', 'shared'] as const).flatMap((origin) =>
  (['held', 'dropped'] as const).map((tier) => ({ origin, tier })),
);

function nameOfSet({ origin, tier, family }: BlockSet): string {
  return `picket_${origin}_${tier}${family}`;
}

function nameOf({ source, origin, tier }: Entry): string {
  return nameOfSet({ origin, tier, family: familyOf(source) });
}

function allowed(family: Family): string {
  return `picket_allow${family}`;
}

/** The sets that a place asks, in their order: whom it allows comes first. */
function setsOf(family: Family, tier: Tier): string[] {
  const blocks = SETS.filter((set) => set.tier === tier).map((set) => nameOfSet({ ...set, family }));
  return [allowed(family), ...blocks];
}

function match(set: string): string {
  return `--match-set ${set} src`;
}

function create(set: BlockSet): string {
  const counters = set.origin === 'local' ? ' counters' : '';
  return `create ${nameOfSet(set)} hash:net family ${inet(set.family)} maxelem ${MAX_ELEMENTS} timeout 0${counters}`;
}

/** The allow list in one swap: no packet meets half of it. */
function replaceAllowed(family: Family, allow: readonly Cidr[]): string[] {
  const name = allowed(family);
  const fresh = `${name}_new`;
  const type = `hash:net family ${inet(family)} maxelem ${MAX_ELEMENTS}`;
  const networks = allowedOf(family, allow);
  return [
    `create ${name} ${type}`,
    `create ${fresh} ${type}`,
    `flush ${fresh}`,
    ...networks.map((network) => `add ${fresh} ${network}`),
    `swap ${fresh} ${name}`,
    `destroy ${fresh}`,
  ];
}

function allowedOf(family: Family, allow: readonly Cidr[]): Cidr[] {
  return allow.filter((network) => familyOf(network) === family).flatMap(halves);
}

function elementsIn(saved: string): string[] {
  return [...saved.matchAll(/^add \S+ (\S+)/gm)].map(([, element = '']) => element);
}

/** A set takes no network of length 0 (ipset(8), hash:net). */
function halves(network: Cidr): Cidr[] {
  if (network === '0.0.0.0/0') return ['0.0.0.0/1', '128.0.0.0/1'];
  return network === '::/0' ? ['::/1', '8000::/1'] : [network];
}

function inet(family: Family): 'inet' | 'inet6' {
  return family === 4 ? 'inet' : 'inet6';
}

/** Lines for one ipset; what is there already, or not any more, is no failure (`-exist`). */
function restoreSets(lines: readonly string[]): Step {
  return { command: { argv: ['ipset', '-exist', 'restore'], stdin: lines.map((l) => `${l}\n`).join('') } };
}

function chainStep(family: Family, place: Place): Step {
  const lines = [`:${place.chain} - [0:0]`, ...chainRules(family, place)];
  return { command: restoreTable(family, place.table, lines) };
}

function chainRules(family: Family, place: Place): string[] {
  const [allow = '', ...blocks] = setsOf(family, place.tier);
  return [
    ...passRules(place, family),
    `-A ${place.chain} -m set ${match(allow)} -j RETURN`,
    ...blocks.map((set) => `-A ${place.chain} -m set ${match(set)} -j DROP`),
  ];
}

function listSet(set: BlockSet, isWanted: boolean): Command {
  return { argv: isWanted ? ['ipset', 'save', nameOfSet(set)] : ['ipset', 'list', '-t', nameOfSet(set)] };
}

const ELEMENT = /^add \S+ (\S+) timeout (\d+)(?: packets (\d+))?/gm;

function readSet(saved: string, { origin, tier }: BlockSet, nowMs: number): Entry[] {
  return [...saved.matchAll(ELEMENT)].flatMap(([, element = '', seconds, packets]) => {
    const source = sourceOfElement(element);
    if (source === undefined) return [];
    const untilMs = nowMs + Number(seconds) * 1_000;
    return [
      { source, origin, tier, untilMs, ...(packets === undefined ? {} : { packets: Number(packets) }) },
    ];
  });
}

/** IPv4 is printed as we write it; a long list must not be read twice. */
function sourceOfElement(element: string): Source | undefined {
  return element.includes(':') ? parseSource(element) : element;
}

/** At least one: none at all would mean for ever. */
function secondsLeft(untilMs: number, nowMs: number): number {
  return Math.min(Math.max(Math.ceil((untilMs - nowMs) / 1_000), 1), MAX_TIMEOUT_S);
}
