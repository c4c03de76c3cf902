import { expect, it } from 'vitest';
import {
  FOUR,
  HOUR_MS,
  openedOf,
  type Prepare,
  put,
  refusedOf,
  type Traits,
  want,
} from './contract-subject.ts';

/** A source of both lists is refused until both let it go, whichever that is first. */
export function originCases(prepare: Prepare, { takesNoList, countsNothing }: Traits): void {
  const shared = takesNoList ? [] : [FOUR];
  const counts = countsNothing ? [] : [{ source: FOUR }];

  it.each(['held', 'dropped'] as const)(
    'keeps a source that is of both lists, %s by the host, until both let it go',
    async (tier) => {
      const subject = await openedOf(prepare);
      const { firewall } = subject;
      await put(firewall, want([FOUR], [FOUR], { tier }));
      await put(firewall, want([], [FOUR]));
      expect([await refusedOf(subject), await firewall.look()]).toEqual([shared, []]);
      await put(firewall, want([FOUR], [FOUR], { tier }));
      await firewall.share(new Map());
      expect(await refusedOf(subject)).toEqual([FOUR]);
      expect(await firewall.look()).toMatchObject(counts);
      await firewall.apply(want([]));
      expect([await refusedOf(subject), await firewall.look()]).toEqual([[], []]);
    },
  );

  it('keeps a source that is of both lists until the later end', async () => {
    const subject = await openedOf(prepare);
    const { firewall, pass } = subject;
    const longer = want([FOUR], [FOUR], { untilMs: Date.now() + 2 * HOUR_MS });
    await put(firewall, longer);
    if (pass === undefined) {
      const ends = (await subject.ends?.()) ?? [];
      expect(Math.max(...ends.map(([, untilMs]) => untilMs)) - Date.now()).toBeGreaterThan(1.5 * HOUR_MS);
      return;
    }
    pass(HOUR_MS + 1_000);
    await firewall.look();
    expect(await refusedOf(subject)).toEqual([FOUR]);
    pass(HOUR_MS);
    await firewall.look();
    expect(await refusedOf(subject)).toEqual([]);
  });
}
