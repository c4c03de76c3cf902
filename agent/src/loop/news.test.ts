import { expect, it } from 'vitest';
import { SILENT_LOG } from '../report/log.ts';
import type { Outgoing } from '../uplink/outbox.ts';
import { createNews } from './news.ts';

const URGENT = { urgent: true };

/** News with one sighting; `isBlocked`: with a block, which the book must have first. */
const news = (id: string, isBlocked = true): Outgoing =>
  ({ sightings: [{ id, ...(isBlocked && { block: {} }) }] }) as unknown as Outgoing;

/** A way whose book and spool are as slow as the test wants. */
function setUp() {
  const seen = { sent: [] as (string | undefined)[], told: [] as string[] };
  const book: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const kept: ((how?: { waiting: number; lost: number }) => void)[] = [];
  const keeper = {
    settle: () => new Promise<void>((resolve, reject) => void book.push({ resolve, reject })),
    told: (ids: ReadonlySet<string>) => void seen.told.push(...ids),
  };
  const line = {
    send: ({ sightings }: Outgoing) => void seen.sent.push(sightings?.[0]?.id),
    flush: () =>
      new Promise<{ waiting: number; lost: number }>(
        (resolve) => void kept.push((how = { waiting: 0, lost: 0 }) => resolve(how)),
      ),
  };
  return { way: createNews(keeper, SILENT_LOG), line, seen, book, kept };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

it('lets nothing out before the book on disk names it, nor before the line is open, and keeps the order', async () => {
  const { way, line, seen, book } = setUp();
  way.send(news('one'), URGENT);
  way.send(news('two', false), URGENT);
  book[0]?.resolve();
  await turn();
  expect(seen.sent).toEqual([]);
  way.open(line);
  await turn();
  expect(seen.sent).toEqual(['one', 'two']);
  way.send(news('three'), URGENT);
  await turn();
  expect(seen.sent).toHaveLength(2);
  book[1]?.resolve();
  await turn();
  expect(seen.sent).toEqual(['one', 'two', 'three']);
});

it('holds up no news when the book cannot be saved', async () => {
  const { way, line, seen, book } = setUp();
  way.open(line);
  way.send(news('one'), URGENT);
  book[0]?.reject(new Error('no space left on device'));
  await turn();
  expect(seen.sent).toEqual(['one']);
});

it('calls told only what was out before the spool was asked, and is kept there', async () => {
  const { way, line, seen, book, kept } = setUp();
  way.open(line);
  way.send(news('one'), URGENT);
  book[0]?.resolve();
  await turn();
  const marked = way.mark();
  await turn();
  way.send(news('two'), URGENT);
  book[1]?.resolve();
  await turn();
  expect(seen.told).toEqual([]);
  kept[0]?.();
  await marked;
  expect(seen.told).toEqual(['one']);
  const closed = way.close();
  await turn();
  kept[1]?.();
  await closed;
  expect(seen.told).toEqual(['one', 'two']);
});

it('leaves the mark of what is in memory alone, or was given up there', async () => {
  const { way, line, seen, book, kept } = setUp();
  way.open(line);
  way.send(news('one'), URGENT);
  book[0]?.resolve();
  await turn();
  for (const how of [{ waiting: 1, lost: 0 }, undefined]) {
    const marked = way.mark();
    await turn();
    expect(seen.told).toEqual([]);
    kept.shift()?.(how);
    await marked;
  }
  expect(seen.told).toEqual(['one']);
  way.send(news('two'), URGENT);
  book[1]?.resolve();
  await turn();
  const marked = way.mark();
  await turn();
  kept.shift()?.({ waiting: 0, lost: 1 });
  await marked;
  expect(seen.told).toEqual(['one']);
});
