import type { Remark, Setting } from './lines.ts';
import type { Generation } from './mode.ts';

/** Settings that become lines of picket.toml. */
const TRANSLATED = new Set([
  ...['TCP_PORTS', 'UDP_PORTS', 'ADVANCED_PORTS_TCP', 'ADVANCED_PORTS_UDP'],
  ...['ADVANCED_EXCLUDE_TCP', 'ADVANCED_EXCLUDE_UDP', 'IGNORE_FILE', 'BLOCK_TCP', 'BLOCK_UDP'],
  ...['KILL_ROUTE', 'KILL_HOSTS_DENY', 'KILL_RUN_CMD', 'KILL_RUN_CMD_FIRST', 'SCAN_TRIGGER', 'PORT_BANNER'],
]);

/** Settings that become nothing, and why. */
const LEFT_OUT: Readonly<Record<string, Omit<Remark, 'at'>>> = {
  HISTORY_FILE: { kind: 'gone', words: 'the system log and the collector keep what happened' },
  BLOCKED_FILE: {
    kind: 'gone',
    words: 'blocks are kept in state_dir, with an end each; those in this file are not taken over',
  },
  RESOLVE_HOST: {
    kind: 'gone',
    words: "Picket never looks up a scanner's name: it is the scanner who chooses it",
  },
};

/**
 * The settings that count: of a key that stands twice PortSentry 1.x takes the first and 2.x the last. Empty ones count as
 * not set.
 */
export function effective(
  settings: readonly Setting[],
  generation: Generation,
): { counting: Setting[]; remarks: Remark[] } {
  const set = settings.filter(({ value }) => value.trim() !== '');
  const counts = (setting: Setting) => {
    const isSame = ({ key }: Setting) => key === setting.key;
    return (generation === 1 ? set.find(isSame) : set.findLast(isSame)) === setting;
  };
  const words = `it stands twice, and PortSentry ${generation}.x takes the ${generation === 1 ? 'first' : 'last'}`;
  return {
    counting: set.filter(counts),
    remarks: set.filter((one) => !counts(one)).map((at) => ({ kind: 'gone', at, words })),
  };
}

/** What becomes of the settings that have no line in picket.toml. */
export function leftovers(settings: readonly Setting[]): Remark[] {
  return settings.flatMap((at): Remark[] => {
    if (TRANSLATED.has(at.key)) return [];
    const known = Object.hasOwn(LEFT_OUT, at.key) ? LEFT_OUT[at.key] : undefined;
    return [
      known === undefined
        ? { kind: 'unread', at, words: 'no setting of PortSentry 1.x or 2.x' }
        : { ...known, at },
    ];
  });
}

/** What is different on any host, whatever its files say. */
export const ALWAYS_DIFFERENT: readonly Remark[] = [
  {
    kind: 'different',
    words: 'Picket counts distinct unused ports within a time (threshold.window), PortSentry connects.',
  },
  { kind: 'different', words: "Picket's blocks end (block.duration); PortSentry's stayed." },
  {
    kind: 'different',
    words:
      'Picket watches SCTP ports and IP protocols too; watch.sctp = "" and watch.ip = "" leave them out.',
  },
];
