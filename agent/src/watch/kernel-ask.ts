import { familyOf, firstAddress, type Source } from '@picket/protocol';
import { blockSet, keyOf, TABLE } from '../nft/names.ts';
import type { Runner } from '../run/runner.ts';
import type { EngineHold } from './engine.ts';

/** Whether the kernel counts a source as a client now. */
export async function isKernelsClient(run: Runner, source: Source): Promise<boolean> {
  return (await getElement(run, `client${familyOf(source)}`, source)) !== undefined;
}

/** What the kernel does about a source now; undefined when it lets it be. */
export async function kernelHold(run: Runner, source: Source, nowMs: number): Promise<EngineHold | undefined> {
  const key = keyOf(source);
  if (key === undefined) return undefined;
  const sets = { held: blockSet('local', 'held', key), muted: `muted${familyOf(source)}` } as const;
  for (const what of ['held', 'muted'] as const) {
    const found = await getElement(run, sets[what], source);
    if (found?.expires !== undefined)
      return { what, untilMs: nowMs + found.expires * 1_000, packets: found.counter?.packets ?? 0 };
  }
  return undefined;
}

/**
 * Lets a source begin anew: it is muted no more, and both its buckets are full. Its contacts stay known: those ports it
 * has asked for already. An element that is not there is added first, since deleting it would fail.
 */
export async function forgiveInKernel(run: Runner, source: Source): Promise<void> {
  const [family, address] = [familyOf(source), firstAddress(source)];
  const lines = ['muted', 'rate', 'crate', 'wrate', 'suspect'].flatMap((set) =>
    ['add', 'delete'].map((verb) => `${verb} element ${TABLE} ${set}${family} { ${address} }`),
  );
  const { status, stderr } = await run({ argv: ['nft', '-f', '-'], stdin: `${lines.join('\n')}\n` });
  if (status !== 0) throw new Error(`nft could not forgive ${source}: ${stderr.trim().slice(0, 300)}`);
}

/** An element as `nft -j get element` prints it; one without a timeout of its own is a bare address. */
interface Found {
  readonly expires?: number;
  readonly counter?: { readonly packets: number };
}

async function getElement(run: Runner, set: string, source: Source): Promise<Found | undefined> {
  const element = `{ ${firstAddress(source)} }`;
  const { status, stdout } = await run({
    argv: ['nft', '-j', 'get', 'element', ...TABLE.split(' '), set, element],
  });
  if (status !== 0) return undefined;
  const { nftables } = JSON.parse(stdout) as {
    nftables: { set?: { elem?: (string | { elem?: Found })[] } }[];
  };
  const [found] = nftables.flatMap(({ set }) => set?.elem ?? []);
  return typeof found === 'string' ? {} : (found?.elem ?? {});
}
