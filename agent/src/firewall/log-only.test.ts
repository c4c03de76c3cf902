import { expect, it } from 'vitest';
import { firewallContract, want } from './contract.ts';
import { createLogOnly } from './log-only.ts';

firewallContract('log-only', async () => {
  // It refuses nobody whatever it is asked: what it would refuse is what it said.
  const said = new Set<string>();
  const firewall = createLogOnly((line) => {
    const [, not, source] = /^would (no longer )?block (\S+)$/.exec(line) ?? [];
    if (source !== undefined && not === undefined) said.add(source);
    else if (source !== undefined) said.delete(source);
  });
  return { firewall, refused: async () => [...said], reopen: () => createLogOnly(() => {}) };
});

it('says of itself that it enforces nothing', async () => {
  const firewall = createLogOnly(() => {});
  await firewall.apply(want(['198.51.100.7']));
  expect([firewall.enforces, await firewall.look()]).toEqual([false, []]);
});
