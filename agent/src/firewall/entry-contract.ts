import { addressFromBytes, cidrOf, parseSource, type Source, type Tier } from '@picket/protocol';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Runner } from '../run/runner.ts';
import type { Entry, EntryCommands } from './entries.ts';
import { runSteps } from './entry-steps.ts';

const STANCE = { allow: [], onLink: [], enforce: true };

/** Any source, with a network or without. */
const anySource: fc.Arbitrary<Source> = fc
  .tuple(fc.constantFrom(4, 16), fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.nat(128))
  .map(([size, bytes, length]) => {
    const address = addressFromBytes(bytes.slice(0, size)) ?? '192.0.2.1';
    return parseSource(cidrOf(address, address.includes(':') ? length : length % 33)) ?? address;
  });

/** A system of the kind that the commands are for, with nothing set up. */
export interface FakeSystem {
  readonly run: Runner;
}

/** What the reader of every backend's lists promises; to be called inside a `describe`. */
export function entryContract(commands: EntryCommands, system: () => FakeSystem): void {
  it('gives whatever was put in', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(anySource, { maxLength: 20 }), async (sources) => {
        const entries = sources.map((source, i) => entryOf(commands, source, i));
        const { run } = system();
        for (const { command } of [...commands.setUp(STANCE), ...commands.add(entries, 0)])
          await run(command);
        const found = commands.parse(await outputsOf(commands, run), 0) ?? [];
        expect(found.map(keyOf).sort()).toEqual(entries.map(keyOf).sort());
      }),
      { numRuns: 50 },
    );
  });

  it('bears each of its steps twice, and has nothing left in the end', async () => {
    const { run } = system();
    const twice = async (steps: ReturnType<EntryCommands['setUp']>) => {
      for (let i = 0; i < 2; i++) await runSteps(run, steps);
    };
    const found = async () => (commands.parse(await outputsOf(commands, run), 0) ?? []).map(keyOf).sort();
    const entries = ['198.51.100.7', '192.0.2.0/24', '2001:db8::/64'].map((s, i) => entryOf(commands, s, i));
    await twice(commands.setUp(STANCE));
    await twice(commands.add(entries, 0));
    expect(await found()).toEqual(entries.map(keyOf).sort());
    await twice(commands.remove(entries.slice(0, 1)));
    expect(await found()).toEqual(entries.slice(1).map(keyOf).sort());
    await twice(commands.setUp(STANCE));
    expect(await found()).toEqual(entries.slice(1).map(keyOf).sort());
    await twice(commands.tearDown(entries.slice(1)));
    await runSteps(run, commands.setUp(STANCE));
    expect(await found()).toEqual([]);
  });

  it('never breaks, whatever is printed', async () => {
    const { run } = system();
    for (const { command } of commands.setUp(STANCE)) await run(command);
    const whole = await outputsOf(commands, run);
    fc.assert(
      fc.property(fc.array(fc.string(), { maxLength: 9 }), fc.nat(whole.length), (outputs, kept) => {
        const answers = [...whole.slice(0, kept), ...outputs];
        commands.refusal?.(answers);
        commands.parse(answers, 0);
      }),
    );
  });
}

function entryOf({ onlyTier, keepsApart }: EntryCommands, source: Source, i: number): Entry {
  const tier: Tier = onlyTier ?? (i % 2 === 0 ? 'held' : 'dropped');
  return { source, tier, origin: keepsApart && i % 3 === 0 ? 'shared' : 'local' };
}

function keyOf({ source, tier, origin }: Entry): string {
  return `${source} ${tier} ${origin}`;
}

async function outputsOf(commands: EntryCommands, run: Runner): Promise<string[]> {
  const outputs: string[] = [];
  for (const command of commands.list('all')) outputs.push((await run(command)).stdout);
  return outputs;
}
