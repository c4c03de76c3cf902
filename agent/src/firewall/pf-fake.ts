import type { Source } from '@picket/protocol';
import type { Command, Outcome } from '../run/runner.ts';

/** A table of the fake: whether it counts, and each address with the packets refused of it. */
interface FakeTable {
  counts: boolean;
  addresses: Map<string, number>;
}

const SAID = (status: number, stderr = '', stdout = ''): Outcome => ({ status, stdout, stderr });

/**
 * pf as pfctl(8) and its source (sbin/pfctl of FreeBSD and OpenBSD) tell it: one anchor with tables, main rules that only
 * a test changes, exit statuses and words of failures.
 */
export function createFakePf() {
  const pf = {
    isEnabled: true,
    isPermitted: true,
    mainRules: ['anchor "picket" all', 'pass all flags S/SA keep state'],
    anchorRules: [] as string[],
    tables: new Map<string, FakeTable>(),
    killed: [] as string[],
    ran: [] as string[],
    mainLoads: 0,
  };
  /** Sources that a packet would be refused of. */
  const refused = async (): Promise<Source[]> => {
    const asks = pf.isEnabled && pf.mainRules.some((rule) => rule.startsWith('anchor "picket"'));
    if (!asks) return [];
    const named = [...pf.tables].filter(([name]) => pf.anchorRules.some((r) => r.includes(`from <${name}>`)));
    return named.flatMap(([, { addresses }]) => [...addresses.keys()]);
  };
  const ours = async (): Promise<string> =>
    [
      ...[...pf.tables].map(([name, { addresses }]) => `${name} ${[...addresses.keys()].sort().join(' ')}`),
      ...pf.anchorRules,
    ]
      .sort()
      .join('\n');
  const run = async (command: Command): Promise<Outcome> => {
    const words = command.argv.slice(1).filter((word) => word !== '-q');
    pf.ran.push(words.join(' '));
    if (!pf.isPermitted) return SAID(1, 'pfctl: /dev/pf: Permission denied\n');
    if (words[0] === '-k') {
      pf.killed.push(words.filter((word) => word !== '-k').join(' '));
      return SAID(0, `killed 0 states from 1 sources and ${words.length / 2 - 1} destinations\n`);
    }
    if (words[0] === '-n') return syntaxFault(command.stdin ?? '') ?? SAID(0);
    if (words[0] !== '-a') return main(pf, words);
    const [, , ...rest] = words;
    if (rest[0] === '-f') return loadAnchor(pf, command.stdin ?? '');
    if (rest[0] === '-F') return flush(pf, rest[1] ?? '');
    if (rest[0] === '-s')
      return SAID(0, '', show(rest[1] === 'rules' ? pf.anchorRules : [...pf.tables.keys()]));
    return onTable(pf, rest, command.stdin ?? '');
  };
  return Object.assign(pf, { refused, ours, run });
}

type Pf = Omit<ReturnType<typeof createFakePf>, 'refused' | 'ours' | 'run'>;

function main(pf: Pf, words: readonly string[]): Outcome {
  if (words[0] === '-f') pf.mainLoads++;
  const state = `Status: ${pf.isEnabled ? 'Enabled for 0 days 00:00:10' : 'Disabled'}           Debug: Urgent\n`;
  return SAID(0, '', words[1] === 'info' ? state : show(pf.mainRules));
}

function show(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

/** Tables keep their addresses when they are defined again; rules are replaced; a fault changes nothing. */
function loadAnchor(pf: Pf, text: string): Outcome {
  const fault = syntaxFault(text);
  if (fault !== undefined) return fault;
  const lines = text.split('\n').filter(Boolean);
  for (const line of lines) {
    const [, name, counters] = /^table <(\w+)> persist( counters)?/.exec(line) ?? [];
    const addresses = pf.tables.get(name ?? '')?.addresses ?? new Map();
    if (name !== undefined) pf.tables.set(name, { counts: counters !== undefined, addresses });
  }
  pf.anchorRules = lines.filter((line) => line.startsWith('block')).flatMap(expand);
  return SAID(0);
}

function syntaxFault(text: string): Outcome | undefined {
  const line = /^(?:table <\w{1,31}> persist(?: counters)?|block drop (?:in|out) quick .+|)$/;
  const bad = text.split('\n').findIndex((each) => !line.test(each));
  if (bad === -1) return undefined;
  return SAID(1, `stdin:${bad + 1}: syntax error\npfctl: Syntax error in config file: pf rules not loaded\n`);
}

/** pfctl makes one rule of each protocol in a list. */
function expand(rule: string): string[] {
  const [, list] = /proto \{ ([^}]*) \}/.exec(rule) ?? [];
  return list === undefined
    ? [rule]
    : list.split(', ').map((p) => rule.replace(/proto \{[^}]*\}/, `proto ${p}`));
}

function flush(pf: Pf, what: string): Outcome {
  if (what === 'rules') pf.anchorRules = [];
  else pf.tables.clear();
  return SAID(0, what === 'rules' ? 'rules cleared\n' : '4 tables deleted.\n');
}

function onTable(pf: Pf, words: readonly string[], stdin: string): Outcome {
  const name = words[words.indexOf('-t') + 1] ?? '';
  const verb = words[words.indexOf('-T') + 1];
  const known = pf.tables.get(name);
  const addresses = stdin.split(/\s+/).filter(Boolean);
  const bad = addresses.find((address) => !/^[\da-f.:]+(?:\/\d+)?$/.test(address));
  if (bad !== undefined) return SAID(255, `pfctl: no IP address found for ${bad}\n`);
  // `add` makes a table that is not there; every other verb does not.
  if (known === undefined && verb !== 'add') return SAID(255, 'pfctl: Table does not exist.\n');
  const table = known ?? { counts: false, addresses: new Map<string, number>() };
  pf.tables.set(name, table);
  if (verb === 'show')
    return SAID(
      0,
      '',
      [...table.addresses].map((entry) => shown(table, entry, words.includes('-v'))).join(''),
    );
  for (const address of addresses) {
    if (verb === 'delete') table.addresses.delete(address);
    else if (!table.addresses.has(address)) table.addresses.set(address, 0);
  }
  return SAID(0);
}

function shown({ counts }: FakeTable, [address, packets]: [string, number], isVerbose: boolean): string {
  if (!isVerbose) return `   ${address}\n`;
  const line = (what: string, n: number) =>
    `\t${what.padEnd(12)} [ Packets: ${String(n).padEnd(18)} Bytes: ${String(n * 40).padEnd(18)} ]\n`;
  const counters = ['In/Block:', 'In/Pass:', 'Out/Block:', 'Out/Pass:'].map((what, i) =>
    line(what, i === 0 ? packets : 0),
  );
  return `   ${address}\n\tCleared:     Tue Nov 24 12:00:00 2026\n${counts ? counters.join('') : ''}`;
}
