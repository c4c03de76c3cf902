import { CLOSE_SECONDS, connect, connectDrizzle, type Drizzle, type Sql } from './connect.ts';
import { openEmbedded } from './embedded/supervisor.ts';
import type { Log } from './log.ts';
import { migrate } from './migrate.ts';
import { MAX_RETENTION_MS, maintainPartitions } from './partitions.ts';

/** An open database with everything it needs made. */
export interface Database {
  /** Where it is; a further client may connect to it with {@link connect}. */
  readonly url: string;
  /** For the hot path. */
  readonly sql: Sql;
  /** For administrative queries, on a client of its own. */
  readonly drizzle: Drizzle;
  /** Ends the clients, and the private server unless somebody else uses it. */
  close(): Promise<void>;
}

/** Which database to open. */
export interface OpenOptions {
  /** `DATABASE_URL`; undefined for the private server in `dataDir`. */
  readonly url?: string | undefined;
  /** Data folder of the collector. */
  readonly dataDir: string;
  readonly log: Log;
  /** False for a command that runs beside a collector: it never stops a server it did not start. Default true. */
  readonly supervise?: boolean;
  readonly applicationName?: string;
  /** Most connections of the hot path. */
  readonly max?: number;
}

/** Opens the database: starts or adopts the private server, migrates, makes partitions. Safe for several at once. */
export async function openDatabase(options: OpenOptions): Promise<Database> {
  const { dataDir, log, supervise = true } = options;
  const server =
    options.url === undefined ? await openEmbedded({ dataDir, log, supervise }) : remote(options.url);
  try {
    const made = await migrate(server.url);
    if (made > 0) log.info({ migrations: made }, 'database migrated');
    const clients = openClients(server.url, options);
    // Nothing is dropped here: only the collector's job knows how long to keep, not every command.
    await maintainPartitions(clients.sql, { nowMs: Date.now(), retentionMs: MAX_RETENTION_MS });
    return {
      ...clients,
      async close() {
        await clients.close();
        await server.stop();
      },
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** The clients of a database that is ready. */
export function openClients(url: string, options: { applicationName?: string; max?: number } = {}): Database {
  const sql = connect(url, options);
  const administrative = connectDrizzle(url, pickName(options));
  return {
    url,
    sql,
    drizzle: administrative.drizzle,
    async close() {
      await Promise.all([sql.end({ timeout: CLOSE_SECONDS }), administrative.close()]);
    },
  };
}

function pickName({ applicationName }: { applicationName?: string }): { applicationName?: string } {
  return applicationName === undefined ? {} : { applicationName };
}

/** A server that others run: nothing to stop. */
function remote(url: string): { url: string; stop(): Promise<void> } {
  return { url, stop: async () => {} };
}
