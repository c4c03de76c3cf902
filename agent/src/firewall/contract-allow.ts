import type { Address, Cidr } from '@picket/protocol';
import { expect, it } from 'vitest';
import {
  FOUR,
  NETWORKS,
  openedOf,
  type Prepare,
  put,
  refuses,
  type Traits,
  type Wanted,
  want,
} from './contract-subject.ts';

/** A block, what is allowed of it, and an address that is allowed then; `beside` is of the block, and not allowed. */
interface Case {
  readonly wanted: () => Wanted;
  readonly allow: Cidr;
  readonly address: Address;
  readonly beside?: Address;
  /** Blocked by the network's list alone. */
  readonly isShared?: boolean;
}

const CASES: Readonly<Record<string, Case>> = {
  'a source of its own': { wanted: () => want([FOUR]), allow: FOUR, address: FOUR },
  'a source of both lists': { wanted: () => want([FOUR], [FOUR]), allow: FOUR, address: FOUR },
  'a source in an allowed network': {
    wanted: () => want([FOUR], ['198.51.100.200']),
    ...{ allow: '198.51.100.0/26', address: FOUR },
  },
  'a dropped source': {
    wanted: () => want([FOUR], [], { tier: 'dropped' }),
    ...{ allow: FOUR, address: FOUR },
  },
  "an address in the network's CIDR": {
    wanted: () => want([], ['198.51.100.0/24']),
    ...{ allow: FOUR, address: FOUR, beside: '198.51.100.8', isShared: true },
  },
  "a network in the network's CIDR": {
    wanted: () => want([], ['198.51.100.0/24']),
    ...{ allow: '198.51.100.0/28', address: FOUR, beside: '198.51.100.77', isShared: true },
  },
  "a CIDR of the network's own": {
    wanted: () => want([], ['198.51.100.0/24']),
    ...{ allow: '198.51.100.0/24', address: FOUR, isShared: true },
  },
  'an address in a /64': {
    wanted: () => want(['2001:db8:66::/64']),
    ...{ allow: '2001:db8:66::5', address: '2001:db8:66::5', beside: '2001:db8:66::6' },
  },
  "an address in the network's /64": {
    wanted: () => want([], ['2001:db8:66::/64']),
    ...{ allow: '2001:db8:66::5', address: '2001:db8:66::5', beside: '2001:db8:66::6', isShared: true },
  },
};

/** Allow wins, whatever blocks say; and no longer than it is allowed. */
export function allowCases(prepare: Prepare, { takesNoList, refusesAround }: Traits): void {
  it.each(Object.entries(CASES))(
    'lets %s go while it is allowed, and refuses it again afterwards',
    async (_name, { wanted, allow, address, beside, isShared }) => {
      const subject = await openedOf(prepare);
      const { firewall } = subject;
      const blocked = wanted();
      const isTaken = takesNoList !== true || isShared !== true;
      const allowing = { ...blocked, allow: [...NETWORKS.allow, allow] };
      await put(firewall, blocked);
      expect(await refuses(subject, address)).toBe(isTaken);
      await firewall.apply(allowing);
      expect(await refuses(subject, address)).toBe(false);
      await put(firewall, allowing);
      await firewall.look();
      expect(await refuses(subject, address)).toBe(false);
      if (beside !== undefined) expect(await refuses(subject, beside)).toBe(refusesAround === true);
      await firewall.apply(blocked);
      expect(await refuses(subject, address)).toBe(isTaken);
      await firewall.remove();
    },
  );
}
