import type { Firewall, LocalBlock } from '../../firewall/firewall.ts';
import type { Runner } from '../../run/runner.ts';
import { openArena, runInside } from './arena.ts';
import { type Stages, type Verdict, verdictOf } from './verdict.ts';
import { openRange } from './volley.ts';
import { layWire, type Trial } from './wire.ts';

/** How long a block of a trial lasts by itself, ms. */
const TRIAL_MS = 30_000;

/** Makes a backend whose commands a given runner runs. */
export type OpenFirewall = (name: string, run: Runner) => Promise<Firewall>;

/** A verdict on each family that this system has. */
export type Verdicts = readonly { readonly family: Trial['family']; readonly verdict: Verdict }[];

/**
 * Tries a backend in network namespaces of its own: its real commands, this kernel, real packets, and nothing of this host
 * touched.
 */
export async function tryApart(name: string, run: Runner, open: OpenFirewall): Promise<Verdicts> {
  const arena = await openArena('apart');
  try {
    const trials = await layWire(run, arena);
    const firewall = await open(name, runInside(run, arena.inHost));
    await firewall.open({ allow: [], onLink: [], enforce: true });
    const verdicts = [];
    for (const trial of trials) {
      const range = await openRange(run, arena, trial);
      const stages = await stagesOf(firewall, trial, range.fire).finally(() => range.close());
      verdicts.push({ family: trial.family, verdict: verdictOf(stages) });
    }
    await firewall.remove();
    await firewall.close?.();
    return verdicts;
  } finally {
    await arena.close();
  }
}

async function stagesOf(
  firewall: Firewall,
  trial: Trial,
  fire: () => Promise<Stages['before']>,
): Promise<Stages> {
  const { source } = trial;
  const block: LocalBlock = { source, untilMs: Date.now() + TRIAL_MS, tier: 'held', decidedBy: 'agent' };
  const want = (blocks: readonly LocalBlock[]) =>
    firewall.apply({
      ...{ allow: [], onLink: [], enforce: true },
      local: new Map(blocks.map((b) => [b.source, b])),
    });
  const before = await fire();
  await want([block]);
  const blocked = await fire();
  const counted = (await firewall.look()).find((found) => found.source === source)?.packets;
  await want([]);
  // A backend that counts nothing says 0 of each.
  return { before, blocked, after: await fire(), counted: counted === 0 ? undefined : counted };
}
