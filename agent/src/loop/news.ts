import type { Keeper } from '../blocks/keeper.ts';
import type { Log } from '../report/log.ts';
import type { Outgoing } from '../uplink/outbox.ts';
import type { Uplink } from '../uplink/uplink.ts';

/** What news pass through. */
type Line = Pick<Uplink, 'send' | 'flush'>;

/**
 * The way of news to the collector, so that a host that is killed at any moment has told each block once. A block is in
 * the book on disk, with the id of its sighting, before anything of it goes out; and its mark is taken away when the spool
 * has it for sure. Whoever finds the mark tells it again under the same id: what was told already has no effect.
 */
export interface News {
  /** Hands news over; in order. */
  send(outgoing: Outgoing, options: { urgent: boolean }): void;
  /** What came before waited for this. */
  open(line: Line): void;
  /** Has what the spool took by now marked as told. */
  mark(): Promise<void>;
  /** Resolves when all that was handed over went out. */
  close(): Promise<void>;
}

/** How often the marks of what is kept are taken away, ms: so much is told again after a crash. */
const MARK_MS = 2_000;

/** Most ids that wait for a disk that takes nothing: more than blocks are in force. */
const MOST_OUT = 100_000;

export function createNews(keeper: Pick<Keeper, 'settle' | 'told'>, log: Log): News {
  let open: (line: Line) => void = () => {};
  const opened = new Promise<Line>((resolve) => {
    open = resolve;
  });
  let last: Promise<unknown> = Promise.resolve();
  /** Ids of sightings with a block that went out, and are not known to be kept. */
  let out = new Set<string>();
  let marking: NodeJS.Timeout | undefined;
  let lostBefore = 0;
  const mark = async (): Promise<void> => {
    if (out.size === 0) return;
    const ids = out;
    out = new Set();
    const { waiting, lost } = await (await opened).flush();
    if (waiting > 0) {
      // A kill would take them: they are asked for again. Of too many the marks stay, which costs a word said twice.
      out = new Set([...ids, ...out].slice(-MOST_OUT));
      return;
    }
    // Which were lost nobody knows: all are told again by the next agent.
    if (lost === lostBefore) keeper.told(ids);
    lostBefore = lost;
  };
  return {
    send(outgoing, options) {
      const ids = (outgoing.sightings ?? []).flatMap(({ id, block }) => (block === undefined ? [] : [id]));
      // A disk or a firewall that refuses is told elsewhere, and holds up no news.
      const booked = ids.length === 0 ? undefined : keeper.settle('book').catch(() => {});
      const before = last;
      last = Promise.all([opened, booked, before]).then(([line]) => {
        line.send(outgoing, options);
        for (const id of ids) out.add(id);
      });
    },
    open(line) {
      open(line);
      marking = setInterval(
        () => void mark().catch((error) => log.error('what was told could not be marked', { error })),
        MARK_MS,
      ).unref();
    },
    mark,
    async close() {
      clearInterval(marking);
      await last;
      await mark();
    },
  };
}
