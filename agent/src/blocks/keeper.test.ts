import { v7 } from 'uuid';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Desired, Firewall, FoundBlock } from '../firewall/firewall.ts';
import { SILENT_LOG } from '../report/log.ts';
import { type BookedBlock, formatBook, parseBook, reconcile } from './book.ts';
import { createKeeper } from './keeper.ts';

const block = (source: string, untilMs: number, more: Partial<BookedBlock> = {}): BookedBlock => ({
  source,
  untilMs,
  atMs: 0,
  tier: 'held',
  decidedBy: 'agent',
  droppedPackets: 0,
  ...more,
});

/** A firewall that remembers what it was asked for, and refuses the first `failures` changes. */
function fakeFirewall(found: FoundBlock[] = [], failures = 0) {
  const asked: Desired[] = [];
  const firewall: Firewall = {
    name: 'fake',
    enforces: true,
    open: async () => found,
    apply: async (want) => {
      if (failures-- > 0) throw new Error('busy');
      asked.push(want);
    },
    share: async () => {},
    look: async () => [{ source: '192.0.2.1', untilMs: 9_000, tier: 'held', packets: 7 }],
    remove: async () => {},
  };
  return { firewall, asked };
}

function keeperOver(firewall: Firewall, saved?: string) {
  const state = { nowMs: 1_000, saved, isDiskFull: false, errors: [] as string[] };
  const keeper = createKeeper({
    firewall,
    load: async () => state.saved,
    save: async (text) => {
      if (state.isDiskFull) throw new Error('no space left on device');
      state.saved = text;
    },
    now: () => state.nowMs,
    log: { ...SILENT_LOG, error: (message) => void state.errors.push(message) },
    firstBlockMs: 600_000,
    newId: v7,
  });
  return { keeper, state };
}

describe('reconcile', () => {
  it('keeps history, tells what the kernel decided alone, puts back what a reboot took, leaves out what ended', () => {
    const saved = [
      block('192.0.2.1', 5_000, { atMs: 10 }),
      block('192.0.2.2', 5_000),
      block('192.0.2.9', 900),
    ];
    const found = [
      { source: '192.0.2.1', untilMs: 5_000, tier: 'held' as const },
      { source: '192.0.2.3', untilMs: 601_500, tier: 'held' as const },
    ];
    const { book, untold } = reconcile(saved, found, { nowMs: 2_000, firstBlockMs: 600_000 });
    expect([...book.keys()].sort()).toEqual(['192.0.2.1', '192.0.2.2', '192.0.2.3']);
    expect(book.get('192.0.2.1')).toMatchObject({ atMs: 10, decidedBy: 'kernel' });
    expect(untold.map((b) => [b.source, b.atMs])).toEqual([['192.0.2.3', 1_500]]);
  });
});

describe('the saved book', () => {
  it('reads back what it wrote and refuses everything else', () => {
    const book = new Map([['2001:db8::/64', block('2001:db8::/64', 5_000)]]);
    expect(parseBook(formatBook(book))).toEqual([...book.values()]);
    for (const text of ['', '{', '[{"source":"x"}]', 'null']) expect(parseBook(text)).toBeUndefined();
  });
});

describe('createKeeper', () => {
  it('leaves the list of an earlier agent alone until the first one comes', async () => {
    const { firewall } = fakeFirewall();
    const shared: number[] = [];
    firewall.share = async (list) => void shared.push(list.size);
    const { keeper } = keeperOver(firewall);
    await keeper.open();
    await keeper.settle();
    expect(shared).toEqual([]);
    keeper.setShared(new Map());
    await keeper.settle();
    expect(shared).toEqual([0]);
  });

  it('puts a block in force without waiting until the one before is saved', async () => {
    const { firewall, asked } = fakeFirewall();
    let saved = () => {};
    const { keeper } = keeperOver(firewall);
    await keeper.open();
    const slow = createKeeper({
      ...{ firewall, load: async () => undefined, now: () => 1_000, log: SILENT_LOG, firstBlockMs: 600_000 },
      newId: v7,
      save: () => new Promise((resolve) => (saved = resolve)),
    });
    await Promise.race([slow.open(), expect.poll(() => asked.length).toBeGreaterThan(0)]);
    for (const source of ['192.0.2.1', '192.0.2.2']) {
      slow.add(block(source, 9_000));
      await slow.settle('own');
    }
    expect(asked.at(-1)?.local.size).toBe(2);
    saved();
  });

  it('has the firewall looked at when others changed it, and ends what it has running', async () => {
    const { firewall } = fakeFirewall();
    const state = { looks: 0, change: () => {}, isClosed: false };
    Object.assign(firewall, {
      look: async () => {
        state.looks++;
        return [];
      },
      watch: async (onChange: () => void) => {
        state.change = onChange;
      },
      close: async () => {
        state.isClosed = true;
      },
    });
    const { keeper } = keeperOver(firewall);
    await keeper.open();
    state.change();
    await expect.poll(() => state.looks).toBe(1);
    await keeper.close();
    expect(state.isClosed).toBe(true);
  });

  it('puts saved blocks back in force when it opens', async () => {
    const { firewall, asked } = fakeFirewall();
    const { keeper } = keeperOver(firewall, formatBook(new Map([['192.0.2.1', block('192.0.2.1', 9_000)]])));
    expect(await keeper.open()).toEqual([]);
    expect([...(asked.at(-1)?.local.keys() ?? [])]).toEqual(['192.0.2.1']);
  });

  it('saves what the kernel decided alone as not told, so that whoever comes after a kill tells it under the same id', async () => {
    const found: FoundBlock = { source: '192.0.2.1', untilMs: 601_000, tier: 'held' };
    const { firewall } = fakeFirewall([found]);
    const { keeper, state } = keeperOver(firewall);
    const [first] = await keeper.open();
    expect(first).toMatchObject({ source: '192.0.2.1', isHeirloom: false });
    const heir = keeperOver(firewall, state.saved);
    expect(await heir.keeper.open()).toMatchObject([{ untoldAs: first?.untoldAs, isHeirloom: true }]);
    heir.keeper.told(new Set([first?.untoldAs ?? '']));
    await heir.keeper.settle('book');
    expect(await keeperOver(firewall, heir.state.saved).keeper.open()).toEqual([]);
  });

  it('takes what the engine told while it opened for told, and not for missed', async () => {
    const { firewall } = fakeFirewall([{ source: '192.0.2.1', untilMs: 601_000, tier: 'held' }]);
    const { keeper, state } = keeperOver(firewall);
    const untoldAs = v7();
    const opening = keeper.open();
    keeper.add(block('192.0.2.1', 601_000, { untoldAs }));
    expect(await opening).toEqual([]);
    expect(parseBook(state.saved ?? '')).toMatchObject([{ untoldAs }]);
  });

  it('tells after a power cut what was booked and perhaps never told', async () => {
    const untoldAs = v7();
    const saved = formatBook(new Map([['192.0.2.1', block('192.0.2.1', 9_000, { untoldAs })]]));
    const { keeper } = keeperOver(fakeFirewall().firewall, saved);
    expect(await keeper.open()).toMatchObject([{ source: '192.0.2.1', untoldAs, isHeirloom: true }]);
  });

  it('tells a block that ended before it was told, and puts it not back in force, until it is told', async () => {
    const untoldAs = v7();
    const saved = formatBook(new Map([['192.0.2.1', block('192.0.2.1', 900, { untoldAs })]]));
    const { firewall, asked } = fakeFirewall();
    const { keeper, state } = keeperOver(firewall, saved);
    expect(await keeper.open()).toMatchObject([{ source: '192.0.2.1', untoldAs, isHeirloom: true }]);
    expect([asked.at(-1)?.local.size, [...keeper.all()]]).toEqual([0, []]);
    // The clock of the next start is behind: what ended stays ended.
    const heir = keeperOver(firewall, state.saved);
    heir.state.nowMs = 0;
    expect(await heir.keeper.open()).toMatchObject([{ untoldAs, isHeirloom: true }]);
    expect([...heir.keeper.all()]).toEqual([]);
    heir.keeper.told(new Set([untoldAs]));
    await heir.keeper.settle('book');
    expect(await keeperOver(firewall, heir.state.saved).keeper.open()).toEqual([]);
  });

  it.each(['expire', 'lift'] as const)(
    'keeps the mark of a block that is not told over its end (%s)',
    async (how) => {
      const { firewall } = fakeFirewall();
      const { keeper, state } = keeperOver(firewall);
      await keeper.open();
      const untoldAs = v7();
      keeper.add(block('192.0.2.1', 9_000, { untoldAs }));
      state.nowMs = 9_000;
      if (how === 'expire') keeper.expire();
      else keeper.lift('192.0.2.1');
      await keeper.settle();
      expect(parseBook(state.saved ?? '')).toEqual([]);
      expect(await keeperOver(firewall, state.saved).keeper.open()).toMatchObject([{ untoldAs }]);
    },
  );

  it('books what is told although the firewall refuses it', async () => {
    const { firewall } = fakeFirewall();
    const { keeper, state } = keeperOver(firewall);
    await keeper.open();
    firewall.apply = fakeFirewall([], 1_000).firewall.apply;
    const untoldAs = v7();
    keeper.add(block('192.0.2.1', 9_000, { untoldAs }));
    await keeper.settle('book');
    expect(parseBook(state.saved ?? '')).toMatchObject([{ untoldAs }]);
  });

  it('saves the book when a disk that was full has room again, and complains once', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const { keeper, state } = keeperOver(fakeFirewall().firewall);
    state.isDiskFull = true;
    await keeper.open();
    keeper.add(block('192.0.2.1', 9_000));
    await expect(keeper.settle('book')).rejects.toThrow('no space left');
    await vi.advanceTimersByTimeAsync(10_000);
    state.isDiskFull = false;
    await vi.advanceTimersByTimeAsync(3_000);
    expect(parseBook(state.saved ?? '')).toMatchObject([{ source: '192.0.2.1' }]);
    expect(state.errors).toEqual([expect.stringContaining('could not be saved')]);
  });

  it('knows a lifted block that the firewall holds still, also after a crash, and takes it for none of the kernel', async () => {
    const { firewall } = fakeFirewall();
    const { keeper, state } = keeperOver(firewall);
    await keeper.open();
    keeper.add(block('192.0.2.1', 900_000));
    await keeper.settle();
    const { apply } = firewall;
    firewall.apply = fakeFirewall([], 1_000).firewall.apply;
    firewall.look = async () => [{ source: '192.0.2.1', untilMs: 900_000, tier: 'held', packets: 0 }];
    keeper.lift('192.0.2.1');
    await keeper.settle('book');
    state.nowMs = 700_000;
    expect((await keeper.look()).untold).toEqual([]);
    expect(parseBook(state.saved ?? '')).toHaveLength(1);
    firewall.apply = apply;
    await keeper.settle();
    expect(parseBook(state.saved ?? '')).toEqual([]);
  });

  it('applies changes that come while it applies together, and saves the book', async () => {
    const { firewall, asked } = fakeFirewall();
    const { keeper, state } = keeperOver(firewall);
    await keeper.open();
    const before = asked.length;
    for (let i = 0; i < 100; i++) keeper.add(block(`192.0.2.${i}`, 9_000));
    await keeper.settle();
    expect(asked.length - before).toBeLessThanOrEqual(3);
    expect(asked.at(-1)?.local.size).toBe(100);
    expect(parseBook(state.saved ?? '')).toHaveLength(100);
  });

  it('tells a refusal to who waits for it, and gets there with the next change', async () => {
    const { firewall, asked } = fakeFirewall();
    const { keeper } = keeperOver(firewall);
    await keeper.open();
    const refusing = fakeFirewall([], 1);
    firewall.apply = refusing.firewall.apply;
    keeper.add(block('192.0.2.1', 9_000));
    await expect(keeper.settle()).rejects.toThrow('busy');
    await keeper.settle();
    expect(refusing.asked.at(-1)?.local.has('192.0.2.1')).toBe(true);
    expect(asked.length).toBeGreaterThan(0);
  });

  it('takes up a block that nobody told of, but none that ended or was lifted while it looked', async () => {
    const { firewall } = fakeFirewall();
    const { keeper, state } = keeperOver(firewall);
    await keeper.open();
    state.nowMs = 700_000;
    keeper.add(block('192.0.2.2', 900_000));
    const found = (source: string, untilMs: number) => ({
      source,
      untilMs,
      tier: 'held' as const,
      packets: 0,
    });
    firewall.look = async () => {
      keeper.lift('192.0.2.2');
      return [found('192.0.2.2', 900_000), found('192.0.2.3', 700_900), found('192.0.2.4', 900_000)];
    };
    expect((await keeper.look()).untold.map((b) => b.source)).toEqual(['192.0.2.4']);
    expect([...keeper.all()].map((b) => b.source)).toEqual(['192.0.2.4']);
  });

  it('ends blocks when their time is over, lifts them before, and counts what they refused', async () => {
    const { firewall } = fakeFirewall();
    const { keeper, state } = keeperOver(firewall);
    await keeper.open();
    for (const source of ['192.0.2.1', '192.0.2.2']) keeper.add(block(source, 9_000));
    expect((await keeper.look()).changed.map((b) => [b.source, b.droppedPackets])).toEqual([
      ['192.0.2.1', 7],
    ]);
    expect(await keeper.look()).toEqual({ changed: [], untold: [] });
    expect([keeper.lift('192.0.2.2'), keeper.lift('192.0.2.2')]).toEqual([true, false]);
    state.nowMs = 9_000;
    expect(keeper.expire().map((b) => b.source)).toEqual(['192.0.2.1']);
    expect([...keeper.all()]).toEqual([]);
  });
});
