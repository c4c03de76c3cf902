import { expect, it } from 'vitest';
import type { Firewall } from '../firewall/firewall.ts';
import { SILENT_LOG } from '../report/log.ts';
import { createHealer } from './heal.ts';

/** A firewall that others change when told so. */
function watched(watch?: Firewall['watch']) {
  const others: { change: () => void } = { change() {} };
  const firewall: Firewall = {
    ...{ name: 'fake', enforces: true },
    ...{ open: async () => [], apply: async () => {}, share: async () => {}, look: async () => [] },
    remove: async () => {},
    watch:
      watch ??
      (async (onChange) => {
        others.change = onChange;
      }),
  };
  return { firewall, others };
}

it('looks at once when others changed something, and once more for what came while it looked', async () => {
  const { firewall, others } = watched();
  let looks = 0;
  const look = async () => {
    looks++;
    if (looks === 1) for (let i = 0; i < 1_000; i++) others.change();
  };
  const healer = createHealer(firewall, look, SILENT_LOG);
  await healer.start();
  others.change();
  expect(looks).toBe(1);
  await expect.poll(() => looks, { timeout: 3_000 }).toBe(2);
  healer.stop();
});

it('goes on after a look that failed', async () => {
  const { firewall, others } = watched();
  let looks = 0;
  const look = async () => {
    if (looks++ === 0) throw new Error('busy');
  };
  const healer = createHealer(firewall, look, SILENT_LOG);
  await healer.start();
  others.change();
  await expect.poll(() => looks).toBe(1);
  others.change();
  await expect.poll(() => looks, { timeout: 3_000 }).toBe(2);
  healer.stop();
});

it('does without where changes of others cannot be seen, and says so', async () => {
  const { firewall } = watched(async () => {
    throw new Error('process ids differ from ours');
  });
  const said: unknown[] = [];
  const log = { ...SILENT_LOG, warn: (...words: unknown[]) => void said.push(words) };
  await createHealer(firewall, async () => {}, log).start();
  expect(said).toHaveLength(1);
});
