import { homedir, hostname } from 'node:os';
import { type Config, readConfig, type Surroundings } from './config.ts';

/** Exit status for a configuration that cannot be used (`EX_CONFIG` of sysexits.h): restarting will not help. */
export const EX_CONFIG = 78;

/** The configuration cannot be used; the message tells every problem, one a line. */
export class ConfigError extends Error {
  readonly code = 'config';
}

/** The configuration of this machine and these variables. Throws a {@link ConfigError} with all problems. */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const result = readConfig(env, surroundings());
  if (result.ok) return result.config;
  throw new ConfigError(result.problems.map((problem) => `picket: ${problem}`).join('\n'));
}

function surroundings(): Surroundings {
  return { isRoot: process.getuid?.() === 0, homeDir: homedir(), hostName: mailName(hostname()) };
}

/** The machine's name as the right side of an address; some machines have names that no mail server takes. */
function mailName(name: string): string {
  return /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/i.test(name) ? name : 'localhost';
}
