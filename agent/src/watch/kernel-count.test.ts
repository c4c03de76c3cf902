import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createProbeCount } from './kernel-count.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A count over a kernel whose counter stands at `packets`, as `nft -j reset counter` of nft 1.1.3 answers. */
function countOver({
  packets = 0,
  onCount = async () => {},
}: {
  packets?: number;
  onCount?: () => Promise<void>;
}) {
  const kernel = { packets, asked: 0, told: [] as number[] };
  const run = async () => {
    kernel.asked++;
    const counter = { family: 'inet', name: 'probes', table: 'picket', packets: kernel.packets, bytes: 0 };
    kernel.packets = 0;
    return { status: 0, stdout: JSON.stringify({ nftables: [{ metainfo: {} }, { counter }] }), stderr: '' };
  };
  const count = createProbeCount({
    ...{ run, log: () => {}, now: Date.now },
    async onCount(n) {
      kernel.told.push(n);
      await onCount();
    },
  });
  return { count, kernel };
}

it('asks after a thousand probes, and not for fewer', async () => {
  const { count, kernel } = countOver({ packets: 999 });
  for (let i = 0; i < 999; i++) count.receive();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(kernel.asked).toBe(0);
  count.receive();
  await vi.advanceTimersByTimeAsync(5_000);
  expect([kernel.asked, count.counted, count.received]).toEqual([1, 999, 1_000]);
});

it('follows a flood of which nothing is told any longer, and stops with it', async () => {
  const { count, kernel } = countOver({ packets: 30_000 });
  await count.take();
  kernel.packets = 20_000;
  await vi.advanceTimersByTimeAsync(1_000);
  kernel.packets = 3;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(kernel.told).toEqual([30_000, 20_000, 3]);
  kernel.packets = 30_000;
  await count.take();
  count.stop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(kernel.asked).toBe(4);
});

it('takes no count while the last one is still seen to: it would be wiped with the sets', async () => {
  let done = () => {};
  const { count, kernel } = countOver({
    packets: 60_000,
    onCount: () =>
      new Promise<void>((resolve) => {
        done = resolve;
      }),
  });
  const both = [count.take(), count.take()];
  await vi.advanceTimersByTimeAsync(3_000);
  expect(kernel.asked).toBe(1);
  done();
  await Promise.all(both);
  expect(count.counted).toBe(60_000);
});
