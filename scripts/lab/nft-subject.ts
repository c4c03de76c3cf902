import type { Subject } from '@picket/agent/firewall/contract';
import type { Lab } from './lab.ts';

/** Hooked chains that refuse or let go, in the order in which packets meet them. */
const HOOKED = ['drop_all', 'drop_new'];

/** Looks at the table of a node without the backend: what its rules and sets make of packets. */
export function nftSystem(lab: Lab, node: string) {
  const nft = (...argv: string[]) => lab.exec(node, ['nft', ...argv]);
  const text = async () => (await nft('list', 'table', 'inet', 'picket')).stdout;
  const elements = async () => elementsOf((await nft('-j', 'list', 'table', 'inet', 'picket')).stdout);
  const asked = async (end: 'drop' | 'return') => {
    const sets = setsAsked(await text(), end);
    return (await elements()).filter(({ set }) => sets.has(set));
  };
  const change = (...argv: string[]) => lab.mustExec(node, ['nft', ...argv]);
  const element = (verb: 'add' | 'delete', set: string, what: string) => () =>
    change(verb, 'element', 'inet', 'picket', set, `{ ${what} }`);
  return {
    refused: async () => [...new Set((await asked('drop')).map(({ source }) => source))],
    allowed: async () =>
      (await asked('return')).filter(({ set }) => set.startsWith('allow')).map(({ source }) => source),
    ours: async () =>
      (await text())
        .replaceAll(/ (?:timeout|expires) \S+?(?=[\s,;])| packets \d+ bytes \d+/g, '')
        .split(/[\s,{}]+/)
        .sort()
        .join(' ')
        .trim(),
    ends: async () =>
      (await elements()).flatMap(({ source, expires }) =>
        expires === undefined ? [] : [[source, Date.now() + expires * 1_000] as const],
      ),
    damages: {
      'flush ruleset': () => change('flush', 'ruleset'),
      'flush table': () => change('flush', 'table', 'inet', 'picket'),
      'delete table': () => change('delete', 'table', 'inet', 'picket'),
      'flush chain': () => change('flush', 'chain', 'inet', 'picket', 'drop_new'),
      'a table put to sleep': () => change('add', 'table', 'inet', 'picket', '{ flags dormant; }'),
      'flush set': () => change('flush', 'set', 'inet', 'picket', 'held4'),
      'an element': element('delete', 'held4', '198.51.100.7'),
      "an element of the network's": element('delete', 'shared_held4_24', '192.0.2.0'),
      'an exemption': element('add', 'allow4', '198.51.100.0/24'),
      'an allowed address': element('delete', 'allow4', '203.0.113.1'),
    },
  } satisfies Partial<Subject>;
}

interface Listed {
  readonly set: string;
  readonly source: string;
  readonly expires: number | undefined;
}

type Value = string | { prefix: { addr: string; len: number } };
type Element = Value | { elem: { val: Value; expires?: number } };

function elementsOf(json: string): Listed[] {
  if (json === '') return [];
  const { nftables } = JSON.parse(json) as { nftables: { set?: { name: string; elem?: Element[] } }[] };
  return nftables.flatMap(({ set }) =>
    (set?.elem ?? []).map((each) => {
      const { val, expires } = typeof each === 'object' && 'elem' in each ? each.elem : { val: each };
      return { set: set?.name ?? '', source: sourceOf(set?.name ?? '', val), expires };
    }),
  );
}

/** What an element stands for: sets of networks have the length in their names. */
function sourceOf(set: string, value: Value): string {
  if (typeof value !== 'string') return `${value.prefix.addr}/${value.prefix.len}`;
  const length = /_(\d+)$/.exec(set)?.[1] ?? (set.endsWith('64') ? '64' : undefined);
  return length === undefined ? value : `${value}/${length}`;
}

/** Sets that rules with an end ask, as far as packets get there. */
function setsAsked(table: string, end: 'drop' | 'return'): ReadonlySet<string> {
  if (/^\tflags dormant/m.test(table)) return new Set();
  const chains = new Map(
    [...table.matchAll(/^\tchain (\S+) \{\n([\s\S]*?)^\t\}/gm)].map(([, name, rules = '']) => [name, rules]),
  );
  const rulesOf = (name: string): string[] =>
    (chains.get(name) ?? '').split('\n').flatMap((line) => {
      const [, next] = / ?jump (\S+)$/.exec(line) ?? [];
      return next === undefined ? [line] : rulesOf(next);
    });
  const rules = HOOKED.flatMap(rulesOf).filter((rule) => rule.endsWith(` ${end}`));
  return new Set(rules.map((rule) => /@(\S+) /.exec(rule)?.[1] ?? ''));
}
