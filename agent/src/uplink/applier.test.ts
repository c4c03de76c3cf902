import type { BlockEntry } from '@picket/protocol';
import { describe, expect, it } from 'vitest';
import { SILENT_LOG } from '../report/log.ts';
import { Applier, type DesiredList } from './applier.ts';
import { type ListState, NO_LIST } from './list-state.ts';
import { eventually } from './testing.ts';

function list(version: number, ...sources: string[]): ListState {
  const entries = new Map(sources.map((s): [string, BlockEntry] => [s, [s, 9e12, 'held', 'scan']]));
  return { ...NO_LIST, version, epoch: 'one', entries };
}

function makeApplier(apply: (list: DesiredList) => Promise<void>) {
  const applied: number[] = [];
  const applier = new Applier({
    // An earlier list takes longer, as a longer one does.
    accept: async ({ version, epoch, entries, allow, hosts }) => {
      for (let turn = version; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
      return { version, epoch, entries, signed: entries, allow, hosts, refused: {} };
    },
    apply,
    log: SILENT_LOG,
    retryMs: () => 5,
    onApplied: ({ version }) => applied.push(version),
  });
  return { applier, applied };
}

describe('the applier', () => {
  it('hands over the whole list and what is no longer in it', async () => {
    const seen: DesiredList[] = [];
    const { applier, applied } = makeApplier(async (desired) => void seen.push(desired));
    await applier.want(list(1, '198.51.100.1', '198.51.100.2'));
    await applier.want(list(2, '198.51.100.2', '198.51.100.3'));
    expect(seen.map((each) => each.removed)).toEqual([[], ['198.51.100.1']]);
    expect([...(seen[1]?.entries.keys() ?? [])]).toEqual(['198.51.100.2', '198.51.100.3']);
    expect(applied).toEqual([1, 2]);
  });

  it('tries again until the list is in force, and forgets no removal', async () => {
    const seen: DesiredList[] = [];
    let failures = 0;
    const { applier, applied } = makeApplier(async (desired) => {
      if (desired.version > 1 && failures++ < 3) throw new Error('nft is busy');
      seen.push(desired);
    });
    await applier.want(list(1, '198.51.100.1'));
    await applier.want(list(2));
    await applier.want(list(3, '198.51.100.9'));
    await eventually(() => applied).toEqual([1, 3]);
    expect(seen.at(-1)?.removed).toEqual(['198.51.100.1']);
    expect(applier.inForce?.version).toBe(3);
  });

  it('applies one list at a time and skips those that were overtaken', async () => {
    let [now, most] = [0, 0];
    const { applier, applied } = makeApplier(async () => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setImmediate(resolve));
      now -= 1;
    });
    await Promise.all([1, 2, 3, 4].map((version) => applier.want(list(version))));
    expect(most).toBe(1);
    expect(applied).toEqual([1, 4]);
    await applier.stop();
  });
});
