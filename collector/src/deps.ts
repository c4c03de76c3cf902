import type { Limits } from './limit/limits.ts';
import type { ListWatch } from './list-watch.ts';
import type { Meters } from './metrics/meters.ts';
import type { Signer } from './signer.ts';
import type { ListReader } from './store/block-list.ts';
import type { Sql } from './store/sql.ts';

/** Where the collector reports what an operator should know; a pino logger fits as it is. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Files that the collector hands out to hosts that install; undefined when the file is not there. */
export interface Downloads {
  /** `install.sh` with its placeholders. */
  installScript(): Promise<string | undefined>;
  /** The bundled agent. */
  agent(): Promise<Uint8Array | undefined>;
}

/** What the routes work with. */
export interface Deps {
  readonly sql: Sql;
  readonly signer: Signer;
  readonly readList: ListReader;
  readonly watch: ListWatch;
  readonly limits: Limits;
  readonly meters: Meters;
  readonly downloads: Downloads;
  /** Base URL under which hosts reach this collector, without a slash at the end. */
  readonly publicUrl: string;
  readonly log: Log;
  /** Wall clock, Unix ms. */
  nowMs(): number;
}
