import { expect, it } from 'vitest';
import { createCommandOnly } from './command.ts';
import { firewallContract, put, want } from './contract.ts';

firewallContract('command', async () => {
  // It refuses nobody itself: what it would have in force is what it looks at, and it takes nothing from the network.
  const firewall = createCommandOnly(() => {});
  let shared: string[] = [];
  const beside = {
    ...firewall,
    async share(list: ReadonlyMap<string, { source: string }>) {
      shared = [...list.keys()];
    },
    async remove() {
      shared = [];
      await firewall.remove();
    },
  };
  const refused = async () => [
    ...new Set([...(await firewall.look()).map(({ source }) => source), ...shared]),
  ];
  return { firewall: beside, refused, reopen: () => createCommandOnly(() => {}) };
});

it("says once that it does not carry out the network's list", async () => {
  const said: string[] = [];
  const firewall = createCommandOnly((line) => said.push(line));
  await put(firewall, want(['198.51.100.7']));
  await put(firewall, want([], ['198.51.100.8']));
  await put(firewall, want([], ['198.51.100.9']));
  expect(said).toEqual([expect.stringContaining("the network's list is not carried out")]);
  expect(await firewall.look()).toEqual([]);
});
