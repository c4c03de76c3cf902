import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Downloads } from '../deps.ts';
import type { Config } from './config.ts';

/**
 * Where the files are when nobody says: beside the bundle, or where the source tree has them, seen from
 * `collector/dist` and from `collector/src/entry`.
 */
const INSTALL_SCRIPT = ['install.sh', '../../scripts/install.sh', '../../../scripts/install.sh'];
const AGENT = ['agent.mjs', '../../agent/dist/agent.mjs', '../../../agent/dist/agent.mjs'];

/** Files read anew for each download: an agent that was replaced is served with its own checksum at once. */
export function createDownloads({
  installScript,
  agentFile,
}: Pick<Config, 'installScript' | 'agentFile'>): Downloads {
  const scripts = installScript === undefined ? INSTALL_SCRIPT.map(besideBundle) : [installScript];
  const agents = agentFile === undefined ? AGENT.map(besideBundle) : [agentFile];
  return {
    installScript: async () => (await firstOf(scripts))?.toString('utf8'),
    agent: () => firstOf(agents),
  };
}

function besideBundle(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}

async function firstOf(paths: readonly string[]): Promise<Buffer | undefined> {
  for (const path of paths) {
    const bytes = await readIfThere(path);
    if (bytes !== undefined) return bytes;
  }
  return undefined;
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
