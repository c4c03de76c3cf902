import { parseAddress, parseSource } from '@picket/protocol';
import { drizzle } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import * as schema from './schema.ts';

/** Longest wait for a connection, seconds. */
const CONNECT_TIMEOUT_SECONDS = 10;

/** Longest a statement may run, ms. The slowest regular one (a digest over an hour) takes well under a second. */
const STATEMENT_TIMEOUT_MS = 30_000;

/** How many connections the hot path may hold. An embedded server allows 50 in all. */
const MAX_CONNECTIONS = 10;

/** Connections for administrative queries. */
const MAX_DRIZZLE_CONNECTIONS = 2;

/** What a caller may choose of a connection. */
export interface ConnectOptions {
  /** Most connections at once. */
  readonly max?: number;
  /** Name that `pg_stat_activity` shows. */
  readonly applicationName?: string;
  /** Longest a statement may run, ms; 0 for no limit. */
  readonly statementTimeoutMs?: number;
  /** Longest wait for a connection, seconds. */
  readonly connectTimeoutSeconds?: number;
}

/** A postgres.js client with this project's types: `timestamptz` is a Date, `bigint` a safe number. */
export type Sql = ReturnType<typeof connect>;

/** A drizzle database over the project's schema. */
export type Drizzle = ReturnType<typeof connectDrizzle>['drizzle'];

/**
 * Connects to PostgreSQL; nothing is sent before the first query.
 *
 * @param url as libpq reads it, `postgresql://user@host/database`, or for a Unix socket
 *   `postgresql:///database?host=/folder&user=name`, which postgres.js itself does not know
 */
export function connect(url: string, options: ConnectOptions = {}) {
  return postgres(socketless(url), {
    ...socketOptions(url),
    max: options.max ?? MAX_CONNECTIONS,
    connect_timeout: options.connectTimeoutSeconds ?? CONNECT_TIMEOUT_SECONDS,
    connection: {
      application_name: options.applicationName ?? 'picket',
      statement_timeout: options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS,
      idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS,
      TimeZone: 'UTC',
    },
    backoff: reconnectSeconds,
    onnotice: () => {},
    types: { bigint: SAFE_BIGINT, cidr: CIDR, inet: INET },
  });
}

/** Drizzle on a client of its own, because it changes the parsers of the client it gets. */
export function connectDrizzle(url: string, options: ConnectOptions = {}) {
  const client = connect(url, { max: MAX_DRIZZLE_CONNECTIONS, ...options });
  return { drizzle: drizzle(client, { schema }), close: () => client.end({ timeout: CLOSE_SECONDS }) };
}

/** Wait before the next try to reconnect, seconds: a database that restarts is found again within a second or two. */
function reconnectSeconds(retries: number): number {
  return (0.5 + Math.random() / 2) * Math.min(0.02 * 2 ** retries, 2);
}

/** How long a closing client waits for its running queries, seconds. */
export const CLOSE_SECONDS = 5;

/** `int8` as a number. A value beyond 2^53 rejects the query rather than lose digits. */
const SAFE_BIGINT = {
  to: 20,
  from: [20],
  serialize: (value: number) => String(value),
  parse: (text: string): number => {
    const value = Number(text);
    if (!Number.isSafeInteger(value)) throw new RangeError(`bigint ${text} is no safe integer`);
    return value;
  },
};

/** PostgreSQL writes `192.0.2.1/32` and its own form of some IPv6 addresses; the wire knows one text per value. */
const CIDR = {
  to: 650,
  from: [650],
  serialize: (value: string) => value,
  parse: (text: string): string => parseSource(text) ?? text,
};

const INET = {
  to: 869,
  from: [869],
  serialize: (value: string) => value,
  parse: (text: string): string => parseAddress(text) ?? text,
};

function socketOptions(url: string): { host?: string; username?: string; port?: number } {
  const params = new URL(url).searchParams;
  const [host, user, port] = [params.get('host'), params.get('user'), params.get('port')];
  return {
    ...(host === null ? {} : { host }),
    ...(user === null ? {} : { username: user }),
    ...(port === null ? {} : { port: Number(port) }),
  };
}

function socketless(url: string): string {
  const parsed = new URL(url);
  for (const name of ['host', 'user', 'port']) parsed.searchParams.delete(name);
  return parsed.href;
}
