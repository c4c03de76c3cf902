/** Files of the host, read only. */
export interface HostFiles {
  /** Text of a file; undefined when it is not there or may not be read. */
  read(path: string): Promise<string | undefined>;
  /** Names in a folder; empty when it is not there or may not be read. */
  list(path: string): Promise<readonly string[]>;
}
