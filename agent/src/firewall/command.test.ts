import { expect, it } from 'vitest';
import { createCommandOnly } from './command.ts';
import { firewallContract, put, want } from './contract.ts';

const prepare = async () => {
  const said: string[] = [];
  let aheadMs = 0;
  const reopen = () =>
    createCommandOnly(
      (line) => said.push(line),
      () => Date.now() + aheadMs,
    );
  const firewall = reopen();
  return {
    ...{ firewall, reopen, said },
    // It refuses nobody itself: what it would have in force is what it looks at.
    refused: async () => (await firewall.look()).map(({ source }) => source),
    ours: async () => '',
    pass(ms: number) {
      aheadMs += ms;
    },
  };
};
firewallContract('command', prepare, { holdsNothing: true, takesNoList: true });

it("says once that it does not carry out the network's list", async () => {
  const said: string[] = [];
  const firewall = createCommandOnly((line) => said.push(line));
  await put(firewall, want(['198.51.100.7']));
  await put(firewall, want([], ['198.51.100.8']));
  await put(firewall, want([], ['198.51.100.9']));
  expect(said).toEqual([expect.stringContaining("the network's list is not carried out")]);
  expect(await firewall.look()).toEqual([]);
});
