import { readdir, readFile, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { calculateJwkThumbprint } from 'jose';
import { z } from 'zod';
import type { Policy } from '../policy/policy.ts';
import { codeOf } from '../uplink/errors.ts';
import { identityPath } from '../uplink/identity.ts';
import { parseJson } from '../uplink/state-file.ts';
import { damagedFiles } from './damaged.ts';
import type { HostFiles } from './host-files.ts';
import type { StateFolder } from './state.ts';

/** Files of this host. `seen` is told what was read, for a transcript. */
export function hostFiles(seen: (path: string, text: string) => void): HostFiles {
  return {
    async read(path) {
      const text = await readFile(path, 'utf8').catch(() => undefined);
      if (text !== undefined && !/^\/proc\/\d+\/comm$/.test(path)) seen(path, text);
      return text;
    },
    list: (path) => readdir(path).catch(() => []),
  };
}

/** A state folder of this host. */
export function stateFolder(policy: Pick<Policy, 'state_dir' | 'mode' | 'block'>): StateFolder {
  const path = policy.state_dir;
  return {
    path,
    damaged: () => damagedFiles(policy, (file) => readFile(file, 'utf8').catch(() => undefined)),
    async facts(name) {
      try {
        const { uid, mode } = await stat(join(path, name));
        return { uid, mode: mode & 0o777 };
      } catch (error) {
        return codeOf(error) === 'EACCES' || codeOf(error) === 'EPERM' ? 'denied' : undefined;
      }
    },
    names: () => readdir(path).catch(() => []),
    async space() {
      const { bavail, bsize, ffree, files } = await statfs(path);
      return { freeBytes: bavail * bsize, freeFiles: files === 0 ? undefined : ffree };
    },
  };
}

const publicPart = z.object({ kty: z.string(), crv: z.string(), x: z.string() });

/** Thumbprint of this host's key, of which only the public part is looked at; undefined when it may not be read. */
export async function hostKeyOf(stateDir: string): Promise<string | undefined> {
  const text = await readFile(identityPath(stateDir), 'utf8').catch(() => undefined);
  const key = publicPart.safeParse(parseJson(text ?? ''));
  return key.success ? calculateJwkThumbprint(key.data) : undefined;
}
