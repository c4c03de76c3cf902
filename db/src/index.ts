export { type ConnectOptions, connect, connectDrizzle, type Drizzle, type Sql } from './connect.ts';
export { DatabaseError, type DatabaseErrorCode } from './errors.ts';
export { checkLockRoom } from './lock-room.ts';
export type { Log } from './log.ts';
export { migrate } from './migrate.ts';
export { type Database, type OpenOptions, openDatabase } from './open-database.ts';
export {
  leastUuid7,
  MAX_RETENTION_MS,
  MIN_RETENTION_MS,
  maintainPartitions,
  RETENTION_MS,
} from './partitions.ts';
export * as schema from './schema.ts';
