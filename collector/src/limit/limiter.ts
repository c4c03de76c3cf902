import {
  type RateLimiterAbstract,
  RateLimiterMemory,
  RateLimiterPostgres,
  RateLimiterRes,
} from 'rate-limiter-flexible';
import type { Sql } from '../store/sql.ts';

/** Points that may be spent in a window that begins with the first of them. */
export interface Allowance {
  readonly name: string;
  readonly points: number;
  readonly seconds: number;
}

/** Spends points of a key's allowance. */
export interface Limiter {
  /** @returns undefined, or in how many ms there is more when it was too much */
  spend(key: string, points?: number): Promise<number | undefined>;
}

/**
 * A limiter of this process, or of all processes on one database. When the database cannot say, the process goes on by
 * itself: limits are no reason to refuse anybody.
 *
 * @param sql undefined: in memory
 */
export function createLimiter(allowance: Allowance, sql: Sql | undefined): Limiter {
  const limiter = sql === undefined ? inMemory(allowance) : inPostgres(allowance, sql);
  return {
    async spend(key, points = 1) {
      try {
        await limiter.consume(key, points);
        return undefined;
      } catch (refused) {
        if (refused instanceof RateLimiterRes) return Math.max(refused.msBeforeNext, 1);
        throw refused;
      }
    },
  };
}

function inMemory({ name, points, seconds }: Allowance): RateLimiterAbstract {
  return new RateLimiterMemory({ keyPrefix: name, points, duration: seconds });
}

function inPostgres(allowance: Allowance, sql: Sql): RateLimiterAbstract {
  const { name, points, seconds } = allowance;
  return new RateLimiterPostgres({
    ...{ keyPrefix: name, points, duration: seconds },
    ...{ storeClient: clientOver(sql), storeType: 'client', tableName: 'rate_limit', tableCreated: true },
    // Who has spent all is refused from memory: a flood asks the database nothing.
    inMemoryBlockOnConsumed: points,
    insuranceLimiter: inMemory(allowance),
  });
}

/** The one verb of node-postgres that the library uses, over postgres.js. */
function clientOver(sql: Sql) {
  return {
    async query({ text, values }: { text: string; values: (string | number | null)[] }) {
      const rows = await sql.unsafe(text, values);
      return { rows, rowCount: rows.count };
    },
  };
}
