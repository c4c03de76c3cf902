import { expect, it } from 'vitest';
import {
  FOUR,
  NEIGHBOUR,
  openedOf,
  type Prepare,
  put,
  refusedOf,
  SIX,
  type Traits,
  want,
} from './contract-subject.ts';

/** Nothing is refused while blocks are not carried out, and all is at once when they are again. */
export function pauseCases(prepare: Prepare, { takesNoList }: Traits): void {
  it('refuses nobody while blocks are not carried out, and all booked ones at once afterwards', async () => {
    const subject = await openedOf(prepare);
    const { firewall } = subject;
    await put(firewall, want([FOUR]));
    await firewall.apply({ ...want([FOUR]), enforce: false });
    expect(await refusedOf(subject)).toEqual([]);
    const booked = want([FOUR, SIX], [NEIGHBOUR]);
    await put(firewall, { ...booked, enforce: false });
    await firewall.look();
    expect(await refusedOf(subject)).toEqual([]);
    await firewall.apply(booked);
    expect(await refusedOf(subject)).toEqual([FOUR, SIX, ...(takesNoList ? [] : [NEIGHBOUR])].sort());
  });
}
