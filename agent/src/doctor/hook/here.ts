import { addBlocks, deleteBlocks, type Element } from '../../nft/elements.ts';
import { blockSet, TABLE } from '../../nft/names.ts';
import type { Runner } from '../../run/runner.ts';
import { TRIAL_MS, type Verdicts } from './apart.ts';
import { openArena } from './arena.ts';
import { type Verdict, verdictOf } from './verdict.ts';
import { openRange, type Range } from './volley.ts';
import { cutWire, layWire, type Trial, whyTaken } from './wire.ts';

/** What is loaded in the kernel: no table of ours, one without rules that refuse, or the whole one. */
export type Loaded = 'no table' | 'no rules' | 'whole' | 'not permitted';

/** Looks at the chains that refuse, which are short; a list of the sets could be long. */
export async function loadedTable(run: Runner): Promise<Loaded> {
  const chains = await Promise.all(
    ['drop_all', 'drop_new'].map((chain) =>
      run({ argv: ['nft', 'list', 'chain', ...TABLE.split(' '), chain] }),
    ),
  );
  if (chains.some(({ stderr }) => /not permitted|must be root/i.test(stderr))) return 'not permitted';
  if (chains.every(({ status }) => status !== 0)) return 'no table';
  const [all, fresh] = chains.map(({ stdout }) => stdout);
  const refuses = (text: string | undefined, tier: 'held' | 'dropped') =>
    (['local', 'shared'] as const).every((origin) => text?.includes(`@${blockSet(origin, tier, '4')} `));
  return refuses(all, 'dropped') && refuses(fresh, 'held') ? 'whole' : 'no rules';
}

/** Why a trial on the host itself cannot be made, or its verdicts. */
export type HereResult = { ok: true; verdicts: Verdicts } | { ok: false; why: string };

/**
 * Tries the table in the kernel: a stranger at the end of a wire of its own sends to this host, is put into the table, sends
 * again, and is taken out. The set is the network's: an agent reads the sets of its own blocks back, and would take the
 * stranger for one that the kernel has found. The element ends by itself within half a minute, and so does the wire.
 */
export async function tryHere(run: Runner): Promise<HereResult> {
  const taken = await whyTaken(run);
  if (taken !== undefined) return { ok: false, why: taken };
  const arena = await openArena('here').catch((error: Error) => error);
  if (arena instanceof Error) return { ok: false, why: `no network namespace can be had: ${arena.message}` };
  try {
    const trials = await layWire(run, arena).catch((error: Error) => error);
    if (trials instanceof Error) return { ok: false, why: `no wire can be laid: ${trials.message}` };
    const verdicts = [];
    for (const trial of trials) {
      const range = await openRange(run, arena, trial);
      const verdict = await tryTable(run, trial, range).finally(() => range.close());
      verdicts.push({ family: trial.family, verdict });
    }
    return { ok: true, verdicts };
  } finally {
    await cutWire(run, arena);
    await arena.close();
  }
}

async function tryTable(run: Runner, { source }: Trial, { fire }: Range): Promise<Verdict> {
  const nowMs = Date.now();
  const element: Element = { source, tier: 'held', untilMs: nowMs + TRIAL_MS };
  const load = async (lines: readonly string[]) => {
    const { status, stderr } = await run({ argv: ['nft', '-f', '-'], stdin: `${lines.join('\n')}\n` });
    if (status !== 0) throw new Error(`nft: ${stderr.trim().slice(0, 300)}`);
  };
  const before = await fire();
  const countedBefore = await heldCount(run);
  try {
    await load(addBlocks('shared', [element], nowMs));
    const blocked = await fire();
    const counted = (await heldCount(run)) - countedBefore;
    await load(deleteBlocks('shared', [element]));
    return verdictOf({ before, blocked, after: await fire(), counted });
  } finally {
    await load(deleteBlocks('shared', [element])).catch(() => {});
  }
}

/** Packets that the tier has refused since the table was made, of all sources. */
async function heldCount(run: Runner): Promise<number> {
  const { stdout } = await run({ argv: ['nft', 'list', 'counter', ...TABLE.split(' '), 'held'] });
  return Number(/packets (\d+)/.exec(stdout)?.[1] ?? 0);
}
