/** Settings of the server, name to value, as `postgresql.conf` has them. */
export type Settings = Readonly<Record<string, string>>;

/**
 * What a new cluster's `postgresql.conf` says beyond PostgreSQL's own defaults; an administrator may change it there.
 * Nothing here trades durability: `fsync`, `full_page_writes` and `synchronous_commit` stay on.
 */
export const CLUSTER_SETTINGS: Settings = {
  max_connections: '50',
  shared_buffers: '64MB',
  max_locks_per_transaction: '1536', // some 20 MB: the longest retention, ten years
  max_wal_size: '512MB',
  jit: 'off', // compiles queries that end before it is done
  timezone: 'UTC',
  log_timezone: 'UTC',
  lc_messages: 'C',
  // One file per day of the week: the log is bounded and needs nobody who rotates it.
  logging_collector: 'on',
  log_filename: 'postgresql-%a.log',
  log_truncate_on_rotation: 'on',
  log_rotation_age: '1d',
  log_rotation_size: '0',
};

/**
 * What every start of the server fixes on its command line: no TCP, a socket that only its owner and root can reach.
 */
export function startSettings(socketFolder: string, logFolder: string): Settings {
  return {
    listen_addresses: '',
    unix_socket_directories: quoteListItem(socketFolder),
    unix_socket_permissions: '0700',
    log_directory: logFolder,
  };
}

/** `pg_hba.conf`: the folder's mode is the lock, so whoever reaches the socket may come in; TCP is refused. */
export const ACCESS_RULES = 'local all all trust\n';

/** Lines of `postgresql.conf`; a quote in a value is doubled. */
export function settingsFile(settings: Settings): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`)
    .join('');
}

/** Arguments of `postgres`. */
export function settingsArguments(settings: Settings): string[] {
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/** `unix_socket_directories` is a list: a folder with a comma or space in its name must be quoted. */
function quoteListItem(folder: string): string {
  return `"${folder.replaceAll('"', '""')}"`;
}
