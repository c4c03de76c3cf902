import { expect, it } from 'vitest';
import {
  FOUR,
  NEIGHBOUR,
  openedOf,
  type Prepare,
  put,
  refusedOf,
  SIX,
  type Subject,
  type Traits,
  want,
} from './contract-subject.ts';

/** A backend that watches is told of a change by others, and looks a moment later, ms. */
const HEALS_MS = 10_000;

/** Whatever others take away comes back with a look, and is told. */
export function healingCases(
  prepare: Prepare,
  { holdsNothing = false, countsNothing = false }: Traits,
): void {
  // Then there is nothing that others could take away.
  if (holdsNothing) return;
  it('puts back whatever others take away, and says so', async () => {
    const names = Object.keys((await prepare()).damages ?? {});
    expect(names).not.toEqual([]);
    for (const name of names) {
      const subject = await openedOf(prepare);
      expect([name, await healed(subject, name)]).toEqual([name, 'whole']);
      // The counts are of blocks in force: what was made again is among them.
      const counted = (await subject.firewall.look()).map(({ source }) => source);
      expect([name, counted.sort()]).toEqual([name, countsNothing ? [] : [FOUR, SIX].sort()]);
      await subject.firewall.close?.();
    }
  }, 120_000);
}

/** Does one damage; tells what is not as it was after looks at it. */
async function healed(subject: Subject, name: string): Promise<string> {
  const { firewall, said, damages = {} } = subject;
  const sources = [FOUR, SIX, NEIGHBOUR, '192.0.2.0/24'].sort();
  await put(firewall, want([FOUR, SIX], [NEIGHBOUR, '192.0.2.0/24']));
  await firewall.watch?.(() => {});
  expect(await refusedOf(subject)).toEqual(sources);
  const [before, saidBefore] = [await subject.ours(), said.length];
  await damages[name]?.();
  if ((await subject.ours()) === before) return 'not damaged';
  const looked = async () => {
    await firewall.look();
    return (await subject.ours()) === before;
  };
  await expect.poll(looked, { timeout: HEALS_MS, message: name }).toBe(true);
  expect(await refusedOf(subject)).toEqual(sources);
  return said.length > saidBefore ? 'whole' : 'not told';
}
