import { realpathSync } from 'node:fs';
import { connect } from '../connect.ts';
import { OWNER } from './cluster.ts';
import { type Postmaster, parsePostmaster, postmasterFile } from './postmaster.ts';

/** SQLSTATE cannot_connect_now: starting up or shutting down. */
const CANNOT_CONNECT_NOW = '57P03';

/** SQLSTATE of a class that only a server sends: it is there, but for instance all its connections are taken. */
const SQLSTATE = /^[0-9A-Z]{5}$/;

/** URL of a database behind a server's Unix socket. */
export function socketUrl({ socketFolder, port }: Omit<Postmaster, 'pid'>, database: string): string {
  return `postgresql:///${database}?host=${encodeURIComponent(socketFolder)}&port=${port}&user=${OWNER}`;
}

/** The server that runs on the cluster and takes connections, or undefined. */
export async function runningServer(cluster: string): Promise<Postmaster | undefined> {
  const found = parsePostmaster(postmasterFile(cluster) ?? '');
  return found !== undefined && (await answers(found, cluster)) ? found : undefined;
}

/** A socket alone proves little: the server must say that it serves this very cluster. */
async function answers(server: Postmaster, cluster: string): Promise<boolean> {
  const sql = connect(socketUrl(server, 'postgres'), { max: 1, connectTimeoutSeconds: 5 });
  try {
    const [row] = await sql<{ folder: string }[]>`select current_setting('data_directory') as folder`;
    return row !== undefined && realpathSync(row.folder) === realpathSync(cluster);
  } catch (error) {
    const { code } = error as { code?: string };
    return code !== undefined && SQLSTATE.test(code) && code !== CANNOT_CONNECT_NOW && code !== 'EPIPE';
  } finally {
    await sql.end({ timeout: 0 });
  }
}

/** Makes a database when it is missing; of two that do so at once one finds it made. */
export async function makeDatabase(server: Postmaster, database: string): Promise<void> {
  const sql = connect(socketUrl(server, 'postgres'), { max: 1 });
  try {
    const [found] = await sql`select 1 from pg_database where datname = ${database}`;
    if (found === undefined) await sql`create database ${sql(database)}`;
  } catch (error) {
    const { code } = error as { code?: string };
    if (code !== DUPLICATE_DATABASE && code !== UNIQUE_VIOLATION) throw error;
  } finally {
    await sql.end();
  }
}

const DUPLICATE_DATABASE = '42P04';
const UNIQUE_VIOLATION = '23505';
