import { setTimeout as sleep } from 'node:timers/promises';
import type { Tier } from '@picket/protocol';
import { addBlocks, type Element } from '../../nft/elements.ts';
import { blockSet, type Origin, TABLE } from '../../nft/names.ts';
import type { Runner } from '../../run/runner.ts';
import type { Verdicts } from './apart.ts';
import { type Arena, openArena } from './arena.ts';
import { type Stages, type Verdict, verdictOf } from './verdict.ts';
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
  const [all = '', fresh = ''] = chains.map(({ stdout }) => stdout);
  const refuses = (text: string, origin: Origin, tier: Tier) =>
    text.includes(`@${blockSet(origin, tier, '4')} `);
  // Which of the two chains refuses what is proven of the network's list, the policy says.
  const isWhole =
    refuses(all, 'local', 'dropped') &&
    refuses(all + fresh, 'shared', 'dropped') &&
    (['local', 'shared'] as const).every((origin) => refuses(fresh, origin, 'held'));
  return isWhole ? 'whole' : 'no rules';
}

/** Why a trial on the host itself cannot be made, or its verdicts. */
export type HereResult = { ok: true; verdicts: Verdicts } | { ok: false; why: string };

/** Shortest time for which the stranger is in the table, ms; it is longer where volleys are slow. */
const LEAST_MS = 2_000;

/** How often a trial is made anew, for longer, when its block ended before its packets were sent. */
const TRIES = 3;

/** Longest wait for a block to end by itself after its time, ms. */
const LATE_MS = 3_000;

/**
 * Tries the table in the kernel: a stranger at the end of a wire of its own sends to this host, is put into the table, sends
 * again, and once more when its time there is over.
 *
 * It is put into a set of the network: an agent reads the sets of its own blocks back, and would take the stranger for one that
 * the kernel has found. And it is not taken out: an agent takes what others delete for damage, and makes its table anew.
 */
export async function tryHere(run: Runner): Promise<HereResult> {
  const taken = await whyTaken(run);
  if (taken !== undefined) return { ok: false, why: taken };
  const arena = await openArena('here').catch((error: Error) => error);
  if (arena instanceof Error) return { ok: false, why: `no network namespace can be had: ${arena.message}` };
  try {
    const trials = await layWire(run, arena).catch((error: Error) => error);
    if (trials instanceof Error) return { ok: false, why: `no wire can be laid: ${trials.message}` };
    const verdicts = await tryAll(run, arena, trials).finally(() => cutWire(run, arena));
    return { ok: true, verdicts };
  } finally {
    await arena.close();
  }
}

async function tryAll(run: Runner, arena: Arena, trials: readonly Trial[]): Promise<Verdicts> {
  const verdicts = [];
  for (const trial of trials) {
    const range = await openRange(run, arena, trial);
    const verdict = await tryTable(run, trial, range).finally(() => range.close());
    verdicts.push({ family: trial.family, verdict });
  }
  return verdicts;
}

async function tryTable(run: Runner, trial: Trial, range: Range): Promise<Verdict> {
  const startedAtMs = performance.now();
  const before = await range.fire();
  let lastsMs = Math.max(LEAST_MS, 4 * (performance.now() - startedAtMs));
  for (let left = TRIES; ; left--) {
    const stages = await tryBlock(run, trial, range, lastsMs);
    if (stages !== undefined) return verdictOf({ before, ...stages });
    if (left === 1)
      return {
        kind: 'unknown',
        words: 'this host is too busy: the block of the trial ended before its packets were sent',
      };
    lastsMs *= 3;
  }
}

/** Blocks for a time, sends, and sends again when it is over. @returns undefined when that was over too early */
async function tryBlock(
  run: Runner,
  { source }: Trial,
  { fire }: Range,
  lastsMs: number,
): Promise<Omit<Stages, 'before'> | undefined> {
  const countedBefore = await heldCount(run);
  const startedAtMs = performance.now();
  const element: Element = { source, tier: 'held', untilMs: lastsMs };
  const stdin = `${addBlocks('shared', [element], 0).join('\n')}\n`;
  const { status, stderr } = await run({ argv: ['nft', '-f', '-'], stdin });
  if (status !== 0) throw new Error(`nft: ${stderr.trim().slice(0, 300)}`);
  const blocked = await fire();
  const leftMs = lastsMs - (performance.now() - startedAtMs);
  const counted = (await heldCount(run)) - countedBefore;
  // nft counts in whole seconds, upwards.
  await sleep(Math.max(0, leftMs + 1_000));
  if (leftMs < 0) return undefined;
  const endMs = performance.now() + LATE_MS;
  let after = await fire();
  while (after.stranger === 0 && performance.now() < endMs) after = await fire();
  return { blocked, after, counted };
}

/** Packets that the tier has refused since the table was made, of all sources. */
async function heldCount(run: Runner): Promise<number> {
  const { stdout } = await run({ argv: ['nft', 'list', 'counter', ...TABLE.split(' '), 'held'] });
  return Number(/packets (\d+)/.exec(stdout)?.[1] ?? 0);
}
