import { familyOf, firstAddress, type Source } from '@picket/protocol';
import { blockSet, keyOf, TABLE } from '../nft/names.ts';
import { unmuteAll } from '../nft/tripping.ts';
import type { Runner } from '../run/runner.ts';
import type { EngineHold } from './engine.ts';

/** Whether the kernel counts a source as a client now. */
export async function isKernelsClient(run: Runner, source: Source): Promise<boolean> {
  return (await getElement(run, `client${familyOf(source)}`, source)) !== undefined;
}

/** What the kernel does about a source now; undefined when it lets it be. */
export async function kernelHold(
  run: Runner,
  source: Source,
  nowMs: number,
): Promise<EngineHold | undefined> {
  const key = keyOf(source);
  if (key === undefined) return undefined;
  const sets = { held: blockSet('local', 'held', key), muted: `muted${familyOf(source)}` } as const;
  for (const what of ['held', 'muted'] as const) {
    const found = await getElement(run, sets[what], source);
    if (found?.leftMs !== undefined) return { what, untilMs: nowMs + found.leftMs, packets: found.packets };
  }
  return undefined;
}

/**
 * Lets a source, or without one everybody, begin anew: it is muted no more, and both its buckets are full. Its contacts stay known: those ports it
 * has asked for already. An element that is not there is added first, since deleting it would fail.
 */
export async function forgiveInKernel(run: Runner, source?: Source): Promise<void> {
  const lines = source === undefined ? unmuteAll() : forgivenLines(source);
  const { status, stderr } = await run({ argv: ['nft', '-f', '-'], stdin: `${lines.join('\n')}\n` });
  if (status !== 0)
    throw new Error(`nft could not forgive ${source ?? 'anybody'}: ${stderr.trim().slice(0, 300)}`);
}

function forgivenLines(source: Source): string[] {
  const [family, address] = [familyOf(source), firstAddress(source)];
  return ['muted', 'rate', 'crate', 'wrate', 'suspect'].flatMap((set) =>
    ['add', 'delete'].map((verb) => `${verb} element ${TABLE} ${set}${family} { ${address} }`),
  );
}

/** What an element of a set has beside its address. */
interface Found {
  /** Time until it ends, ms; undefined for one that does not. */
  readonly leftMs: number | undefined;
  readonly packets: number;
}

/** Asked for as text: nft 1.0.6 prints no JSON for a single element, whatever it is told. */
async function getElement(run: Runner, set: string, source: Source): Promise<Found | undefined> {
  const element = `{ ${firstAddress(source)} }`;
  const { status, stdout } = await run({
    argv: ['nft', 'get', 'element', ...TABLE.split(' '), set, element],
  });
  return status === 0 ? readElement(stdout) : undefined;
}

/** Length of nft's units of time, ms. */
const UNITS_MS: Readonly<Record<string, number>> = {
  ...{ d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 },
};

/** Reads the one element in what `nft get element` printed, such as `… counter packets 2 … expires 59m59s956ms`. */
export function readElement(text: string): Found {
  const [, expires = ''] = /\bexpires (\w+)/.exec(text) ?? [];
  const parts = [...expires.matchAll(/(\d+)(ms|[dhms])/g)];
  const leftMs = parts.reduce((sum, [, count, unit = '']) => sum + Number(count) * (UNITS_MS[unit] ?? 0), 0);
  const [, packets = '0'] = /\bcounter packets (\d+)/.exec(text) ?? [];
  return { leftMs: parts.length === 0 ? undefined : leftMs, packets: Number(packets) };
}
