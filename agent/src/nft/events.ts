import { BLOCK_SETS, blockSet, TABLE } from './names.ts';

/** A transaction of some process that took away or changed what is ours. */
export interface Change {
  /** Process that made it; undefined when news were lost, and anything may have changed. */
  readonly pid: number | undefined;
}

/** Longest line kept until its end comes, characters: a rule with a long set of ports has most. */
const MOST_LINE = 1_000_000;

const OURS = new RegExp(`^(add|insert|create|replace|delete) (\\w+) ${TABLE}(?: (\\S+))?(?: |$)`);
const GENERATION = /^# new generation \d+ by process (\d+) /;
const LOST = /lost/i;

/** Sets whose elements matter. The others hold evidence, which the agent itself empties by other processes. */
const WATCHED = new Set([...BLOCK_SETS.map(({ origin, tier, key }) => blockSet(origin, tier, key))]);

/** Sets of networks: whoever is added to one is exempt for ever, or counted otherwise. */
const NETWORK_SETS = new Set(['allow4', 'allow6', 'onlink6', 'sibling4', 'sibling6']);

/** A chain that comes and goes in one transaction, by which a reader of news finds out that it is heard. */
const HEARD = 'heard';

/** Script lines that change nothing, and are news all the same. */
export function sayingNothing(): string[] {
  return [`add chain ${TABLE} ${HEARD}`, `delete chain ${TABLE} ${HEARD}`];
}

/**
 * Reads what `nft monitor` prints: a line for each object that came or went, then one for the transaction, which names
 * the process. What the kernel adds by packets, and elements whose time is over, are not told at all.
 *
 * @returns takes text as it comes
 */
export function changeReader(onChange: (change: Change) => void): (text: string) => void {
  let [rest, isTouched] = ['', false];
  const line = (text: string): void => {
    if (text.startsWith('#')) {
      const pid = GENERATION.exec(text)?.[1];
      if (pid !== undefined && isTouched) onChange({ pid: Number(pid) });
      else if (pid === undefined && LOST.test(text)) onChange({ pid: undefined });
      isTouched = false;
    } else isTouched ||= touches(text);
  };
  return (text) => {
    const lines = (rest + text).split('\n');
    rest = (lines.pop() ?? '').slice(0, MOST_LINE);
    for (const each of lines) line(each);
  };
}

/** Whether a line tells of something that has to be as it was. */
function touches(text: string): boolean {
  const [, verb, kind, name = ''] = OURS.exec(text) ?? [];
  if (kind === 'table' || kind === 'chain' || kind === 'rule') return true;
  if (kind === 'element' && NETWORK_SETS.has(name)) return true;
  if (verb !== 'delete') return false;
  return kind !== 'element' || WATCHED.has(name) || name.startsWith('shared_');
}
