import { expect, it } from 'vitest';
import {
  FOUR,
  HOUR_MS,
  NEIGHBOUR,
  openedOf,
  type Prepare,
  put,
  refusedOf,
  SIX,
  type Traits,
  want,
} from './contract-subject.ts';

/** Systems count whole seconds, ms. */
const END_MS = 2_000;

/** Every block has an end, which the system keeps or the agent brings about. */
export function timeCases(prepare: Prepare, { takesNoList }: Traits): void {
  it('does not put back a block whose time is over', async () => {
    const subject = await openedOf(prepare);
    await put(subject.firewall, want([FOUR], [], { untilMs: Date.now() - HOUR_MS }));
    expect(await refusedOf(subject)).toEqual([]);
  });

  it('gives every block an end that the system keeps, or ends it by itself', async () => {
    const subject = await openedOf(prepare);
    const { firewall, ends, pass } = subject;
    const wanted = want([FOUR, SIX], [NEIGHBOUR, '192.0.2.0/24']);
    await put(firewall, wanted);
    expect(await refusedOf(subject)).toHaveLength(takesNoList ? 2 : 4);
    if (ends !== undefined) {
      const kept = await ends();
      expect(kept).toHaveLength(4);
      const untilMs = wanted.local.get(FOUR)?.untilMs ?? 0;
      for (const [source, endMs] of kept)
        expect([source, Math.abs(endMs - untilMs) < END_MS]).toEqual([source, true]);
      return;
    }
    pass?.(HOUR_MS + 1_000);
    await firewall.look();
    expect(await refusedOf(subject)).toEqual([]);
  });
}
