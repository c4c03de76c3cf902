import { homedir, hostname } from 'node:os';
import { type Config, readConfig, type Surroundings } from './config.ts';

/** Exit status for a configuration that cannot be used (`EX_CONFIG` of sysexits.h): restarting will not help. */
const EX_CONFIG = 78;

/** The configuration of this process; ends it when there are problems, all of them told. */
export function configOrExit(): Config {
  const result = readConfig(process.env, surroundings());
  if (result.ok) return result.config;
  for (const problem of result.problems) console.error(`picket: ${problem}`);
  process.exit(EX_CONFIG);
}

function surroundings(): Surroundings {
  return { isRoot: process.getuid?.() === 0, homeDir: homedir(), hostName: mailName(hostname()) };
}

/** The machine's name as the right side of an address; some machines have names that no mail server takes. */
function mailName(name: string): string {
  return /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/i.test(name) ? name : 'localhost';
}
