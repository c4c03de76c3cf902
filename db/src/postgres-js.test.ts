import { once } from 'node:events';
import { type AddressInfo, createServer, Socket } from 'node:net';
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { connect, type Sql } from './connect.ts';
import type { Database } from './open-database.ts';
import { type CutProxy, cutProxy } from './testing/cut-proxy.ts';
import { testDatabase } from './testing.ts';
import { waitFor } from './wait.ts';

/*
 * What `patches/postgres@3.4.9.patch` mends: without it most of these fail, hang or end the process. Two hold without
 * it, too, and guard what the patch touches: that a new session gets its own answers, and that transactions are whole.
 */

let db: Database;
let proxy: CutProxy;
beforeAll(async () => {
  db = await testDatabase();
  proxy = await cutProxy(db.url);
  await db.sql`create table note (n int primary key, pair int)`;
});
afterAll(async () => {
  await proxy.close();
  await db.close();
});
beforeEach(() => db.sql`truncate note`);

async function withClient<T>(max: number, act: (sql: Sql) => Promise<T>): Promise<T> {
  const sql = connect(proxy.url, { max });
  try {
    return await act(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** Cuts and waits until the client has noticed. */
async function cutAndNotice(lost: Promise<unknown>): Promise<void> {
  proxy.cut();
  await lost.catch(() => {});
}

/** Code of the error a promise is rejected with within a second; `hangs` or `resolves` otherwise. */
function fate(promise: Promise<unknown>): Promise<unknown> {
  const settled = promise.then(
    () => 'resolves',
    (error: { code: unknown }) => error.code,
  );
  return Promise.race([settled, sleep(1000, 'hangs')]);
}

describe('a connection lost before it is ready', () => {
  it('rejects what waits for it, so that no error escapes to the process', async () => {
    for (let round = 0; round < 40; round++) {
      const sql = connect(proxy.url, { max: 1 });
      const asked = fate(sql`select 1`);
      await sleep(round % 8);
      proxy.cut(round % 2 === 0 ? 'end' : 'reset');
      expect(await asked).not.toBe('hangs');
      expect(await fate(sql.end())).toBe('resolves');
    }
  });

  it('is not made again for ever when the server closes instead of answering', async () => {
    let connections = 0;
    const closing = createServer((socket) => {
      connections++;
      socket.on('error', () => {}).end();
    });
    closing.listen(0, '127.0.0.1');
    await once(closing, 'listening');
    const { port } = closing.address() as AddressInfo;
    const sql = connect(`postgresql://picket@127.0.0.1:${port}/picket`, { max: 1 });
    expect(await fate(sql`select 1`)).toBe('CONNECTION_CLOSED');
    expect(connections).toBe(1);
    await sql.end();
    closing.close();
  });
});

describe('a connection lost in a transaction', () => {
  it('rejects the queries that follow, so that no error escapes to the process', () =>
    withClient(1, async (sql) => {
      let second: unknown;
      const transaction = sql.begin(async (tx) => {
        await tx`insert into note values (1)`;
        await cutAndNotice(tx`select pg_sleep(10)`);
        second = await fate(tx`insert into note values (2)`);
      });
      await expect(transaction).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' });
      await waitFor(() => (second === undefined ? undefined : true), 2000);
      expect(second).toBe('CONNECTION_CLOSED');
    }));

  it('runs nothing of the transaction on the connection that replaces it', () =>
    withClient(1, async (sql) => {
      const body = withResolvers();
      const transaction = sql.begin(async (tx) => {
        await tx`insert into note values (1)`;
        await cutAndNotice(tx`select pg_sleep(10)`);
        await sql`select 'somebody else connects again'`;
        body.resolve(await fate(tx`insert into note values (2)`));
      });
      await expect(transaction).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' });
      expect(await body.promise).toBe('CONNECTION_CLOSED');
      expect(await db.sql`select n from note`).toEqual([]);
    }));
});

describe('a lost reservation', () => {
  it('rejects what is asked of it and gives the pool no dead connection back', () =>
    withClient(1, async (sql) => {
      const reserved = await sql.reserve();
      await cutAndNotice(reserved`select pg_sleep(10)`);
      expect(await fate(reserved`select 1`)).toBe('CONNECTION_CLOSED');
      reserved.release();
      expect(await sql`select 1 as one`).toEqual([{ one: 1 }]);
    }));
});

describe('the session after a lost one', () => {
  it('gets its own answers, whole and in order, whatever was under way', () =>
    withClient(1, async (sql) => {
      for (let round = 0; round < 20; round++) {
        const under = [1, 2, 3].map((n) => sql`select generate_series(1, 5000) as i, ${n}::int as n`);
        await sleep(round % 4);
        proxy.cut();
        await Promise.allSettled(under);
        const after = await Promise.all([7, 8, 9].map((n) => retried(() => sql`select ${n}::int as n`)));
        expect(after).toEqual([[{ n: 7 }], [{ n: 8 }], [{ n: 9 }]]);
      }
    }));

  it.each(['end', 'reset'] as const)('can be ended at once (%s)', (how) =>
    withClient(1, async (sql) => {
      await sql`select 1`;
      const lost = fate(sql`select pg_sleep(10)`);
      proxy.cut(how);
      expect(await lost).toMatch(/^(CONNECTION_CLOSED|ECONNRESET)$/);
      expect(await fate(sql.end())).toBe('resolves');
    }),
  );

  it('fails a COPY that was ending, rather than leave it waiting', () =>
    withClient(1, async (sql) => {
      const copy = await sql`copy note from stdin`.writable();
      expect(copy).toBeInstanceOf(Writable);
      const ended = new Promise((resolve, reject) => copy.on('finish', resolve).on('error', reject));
      proxy.cut();
      copy.end('1\t1\n');
      expect(await fate(ended)).not.toBe('hangs');
    }));
});

it('keeps transactions whole while connections are cut all the time', () =>
  withClient(4, async (sql) => {
    const untilMs = performance.now() + 2000;
    let done = 0;
    const pair = async (n: number) => {
      await sql.begin(async (tx) => {
        await tx`insert into note values (${n}, ${n + 1})`;
        await tx`insert into note values (${n + 1}, ${n})`;
      });
      done++;
    };
    const worker = async (first: number) => {
      for (let n = first; performance.now() < untilMs; n += 8) await pair(n).catch(() => {});
    };
    const cutter = async () => {
      while (performance.now() < untilMs) {
        await sleep(15);
        proxy.cut();
      }
    };
    await Promise.all([cutter(), ...[0, 2, 4, 6].map(worker)]);
    const halves =
      await db.sql`select n from note a where not exists (select from note b where b.n = a.pair)`;
    expect(halves).toEqual([]);
    expect(done).toBeGreaterThan(0);
  }));

it('switches off Nagle’s algorithm, which stalls small writes over TCP', () =>
  withClient(1, async (sql) => {
    const noDelay = vi.spyOn(Socket.prototype, 'setNoDelay');
    try {
      await sql`select 1`;
      expect(noDelay).toHaveBeenCalledWith(true);
    } finally {
      noDelay.mockRestore();
    }
  }));

async function retried<T>(ask: () => Promise<T>): Promise<T> {
  const answer = await waitFor(() => ask().catch(() => undefined), 5000);
  if (answer === undefined) throw new Error('no answer within 5 s');
  return answer;
}

function withResolvers(): { promise: Promise<unknown>; resolve: (value: unknown) => void } {
  let resolve: (value: unknown) => void = () => {};
  const promise = new Promise((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
