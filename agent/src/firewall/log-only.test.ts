import { expect, it } from 'vitest';
import { firewallContract, want } from './contract.ts';
import { createLogOnly } from './log-only.ts';

const prepare = async () => {
  // It refuses nobody whatever it is asked: what it would refuse is what it said.
  const [sources, said] = [new Set<string>(), [] as string[]];
  let aheadMs = 0;
  const log = (line: string) => {
    said.push(line);
    const [, not, source] = /^would (no longer )?block (\S+)$/.exec(line) ?? [];
    if (source !== undefined && not === undefined) sources.add(source);
    else if (source !== undefined) sources.delete(source);
  };
  const reopen = () => createLogOnly(log, () => Date.now() + aheadMs);
  return {
    ...{ firewall: reopen(), reopen, said },
    refused: async () => [...sources],
    ours: async () => '',
    pass(ms: number) {
      aheadMs += ms;
    },
  };
};
firewallContract('log-only', prepare, { holdsNothing: true, countsNothing: true });

it('says of itself that it enforces nothing', async () => {
  const firewall = createLogOnly(() => {});
  await firewall.apply(want(['198.51.100.7']));
  expect([firewall.enforces, await firewall.look()]).toEqual([false, []]);
});
