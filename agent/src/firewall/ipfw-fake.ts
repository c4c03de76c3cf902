import type { Source } from '@picket/protocol';
import type { Command, Outcome } from '../run/runner.ts';

const SAID = (status: number, stderr = '', stdout = ''): Outcome => ({ status, stdout, stderr });

/** Exit statuses of sysexits(3) that ipfw uses. */
const [EX_DATAERR, EX_UNAVAILABLE, EX_OSERR] = [65, 69, 71];

interface FakeRule {
  readonly number: number;
  set: number;
  readonly body: string;
}

/** ipfw as ipfw(8) and its source (sbin/ipfw of FreeBSD) tell it: rules with numbers and sets, named tables, `-q`. */
export function createFakeIpfw() {
  const ipfw = {
    isLoaded: true,
    isEnabled: true,
    isPermitted: true,
    rules: [
      { number: 100, set: 0, body: 'allow ip from any to any via lo0' },
      { number: 65_535, set: 31, body: 'deny ip from any to any' },
    ] as FakeRule[],
    disabled: new Set<number>(),
    tables: new Map<string, Set<string>>(),
    /** Number of our rules in force after each line that ran. */
    inForce: [] as number[],
  };
  const active = () => ipfw.rules.filter((rule) => !ipfw.disabled.has(rule.set));
  const refused = async (): Promise<Source[]> => {
    if (!ipfw.isEnabled) return [];
    const denied = active().filter(({ body }) => body.startsWith('deny'));
    const named = [...ipfw.tables].filter(([name]) =>
      denied.some((r) => r.body.includes(`from table(${name})`)),
    );
    return named.flatMap(([, sources]) => [...sources]);
  };
  const ours = async (): Promise<string> =>
    [
      ...[...ipfw.tables].map(([name, sources]) => `${name} ${[...sources].sort().join(' ')}`),
      ...ipfw.rules.filter(({ body }) => body.endsWith('// picket')).map(({ set, body }) => `${set} ${body}`),
    ]
      .sort()
      .join('\n');
  const run = async ({ argv, stdin = '' }: Command): Promise<Outcome> => {
    if (!ipfw.isLoaded) return missing(argv[0]);
    if (argv[0] === 'sysctl') return SAID(0, '', ipfw.isEnabled ? '1\n1\n' : '0\n0\n');
    if (!ipfw.isPermitted) return SAID(EX_UNAVAILABLE, 'ipfw: socket: Operation not permitted\n');
    if (argv[1] === '-n') return SAID(0);
    const isQuiet = argv[1] === '-q';
    const words = argv.slice(isQuiet ? 2 : 1);
    if (words[0] !== '/dev/stdin') return one(ipfw, words, isQuiet);
    for (const [i, line] of stdin.split('\n').filter(Boolean).entries()) {
      const outcome = one(ipfw, line.split(' '), isQuiet);
      ipfw.inForce.push(active().filter(({ body }) => body.endsWith('// picket')).length);
      if (outcome.status !== 0) return { ...outcome, stderr: `Line ${i + 1}: ${outcome.stderr}` };
    }
    return SAID(0);
  };
  return Object.assign(ipfw, { refused, ours, run });
}

type Ipfw = Omit<ReturnType<typeof createFakeIpfw>, 'refused' | 'ours' | 'run'>;

function missing(program: string): Outcome {
  return program === 'sysctl'
    ? SAID(1, "sysctl: unknown oid 'net.inet.ip.fw.enable'\n")
    : SAID(EX_UNAVAILABLE, 'ipfw: getsockopt(IP_FW_XGET): Protocol not available\n');
}

function one(ipfw: Ipfw, words: readonly string[], isQuiet: boolean): Outcome {
  const [verb, ...rest] = words;
  if (verb === 'table') return onTable(ipfw, rest, isQuiet);
  if (verb === 'list' || verb === '-S') return list(ipfw, words);
  if (verb === 'add') {
    const [number, , set, ...body] = rest;
    ipfw.rules.push({ number: Number(number), set: Number(set), body: body.join(' ') });
    return SAID(0);
  }
  if (verb === 'delete') {
    ipfw.rules = ipfw.rules.filter((rule) => rule.set !== Number(rest[1]));
    return SAID(0);
  }
  if (verb === 'set') return onSet(ipfw, rest);
  return SAID(64, `ipfw: bad command \`${verb}'\n`);
}

function onSet(ipfw: Ipfw, [verb, ...sets]: readonly string[]): Outcome {
  const [a = 0, b = 0] = sets.map(Number);
  if (verb === 'disable') ipfw.disabled.add(a);
  if (verb === 'enable') ipfw.disabled.delete(a);
  if (verb === 'swap')
    for (const rule of ipfw.rules) rule.set = rule.set === a ? b : rule.set === b ? a : rule.set;
  return SAID(0);
}

function list(ipfw: Ipfw, words: readonly string[]): Outcome {
  const withSets = words[0] === '-S';
  const wanted = withSets ? undefined : words[1];
  const rules = ipfw.rules.filter(({ number }) => wanted === undefined || number === Number(wanted));
  if (rules.length === 0) return SAID(EX_UNAVAILABLE, `ipfw: rule ${wanted} does not exist\n`);
  const number = (n: number) => String(n).padStart(5, '0');
  const text = rules.map((r) => `${number(r.number)}${withSets ? ` set ${r.set}` : ''} ${r.body}\n`);
  return SAID(0, '', text.join(''));
}

/** A table that is not there is made by `add`, with a warning (compatibility); other verbs need it. */
function onTable(ipfw: Ipfw, [name = '', verb, ...rest]: readonly string[], isQuiet: boolean): Outcome {
  const known = ipfw.tables.get(name);
  if (verb === 'create') {
    if (known !== undefined && !rest.includes('missing'))
      return SAID(EX_OSERR, 'ipfw: Table creation failed: File exists\n');
    ipfw.tables.set(name, known ?? new Set());
    return SAID(0);
  }
  if (verb === 'destroy') {
    return ipfw.tables.delete(name)
      ? SAID(0)
      : SAID(EX_OSERR, `ipfw: failed to destroy table ${name}: No such process\n`);
  }
  if (known === undefined && verb === 'list')
    return SAID(EX_OSERR, 'ipfw: failed to request table info: No such process\n');
  if (known === undefined && verb === 'delete')
    return SAID(EX_DATAERR, `ipfw: Table ${name} does not exist\n`);
  const table = known ?? new Set<string>();
  ipfw.tables.set(name, table);
  if (verb === 'list') return SAID(0, '', [...table].map((source) => `${masked(source)} 0\n`).join(''));
  const source = rest[0] ?? '';
  const isThere = table.has(source);
  if (verb === 'add') table.add(source);
  else table.delete(source);
  if (isQuiet || isThere === (verb === 'delete')) return SAID(0);
  const words =
    verb === 'add'
      ? 'Adding record failed: record already exists'
      : 'Deleting record failed: record not found';
  return SAID(EX_OSERR, `ipfw: ${words}\n`);
}

function masked(source: Source): string {
  if (source.includes('/')) return source;
  return source.includes(':') ? `${source}/128` : `${source}/32`;
}
