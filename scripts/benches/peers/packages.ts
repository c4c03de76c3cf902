import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, rename, rm, stat, symlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { exec } from '../../lab/run.ts';

/** Files of a peer out of Debian's packages, or why there are none. */
export type PeerFiles = { ok: true; root: string } | { ok: false; reason: string };

/** Time for packages to arrive, ms. */
const FETCH_MS = 180_000;

const PLACE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'picket', 'peers');

/**
 * Fetches packages and unpacks them into a folder of their own. Nothing is installed: installing would start their
 * services on this machine, and pull in a mail server for psad.
 *
 * @param version what the version of the first package must begin with
 * @param links symbolic links that their installation would have made, by path
 */
export async function peerFiles(
  packages: readonly string[],
  version: string,
  links: Readonly<Record<string, string>> = {},
): Promise<PeerFiles> {
  const [name = ''] = packages;
  // Another list of packages is another folder: what was unpacked before may lack some.
  const list = createHash('sha256')
    .update(JSON.stringify([packages, links]))
    .digest('hex')
    .slice(0, 8);
  const root = join(PLACE, `${name}-${version}-${list}`);
  if (await isThere(root)) return { ok: true, root };
  await mkdir(PLACE, { recursive: true });
  const fresh = await mkdtemp(join(PLACE, 'fetching-'));
  try {
    const reason = (await fetch(fresh, packages)) ?? (await unpack(fresh, name, version));
    if (reason !== undefined) return { ok: false, reason };
    for (const [path, target] of Object.entries(links)) await symlink(target, join(fresh, 'root', path));
    await rename(join(fresh, 'root'), root);
    return { ok: true, root };
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

async function fetch(folder: string, packages: readonly string[]): Promise<string | undefined> {
  const download = () =>
    exec(['apt-get', 'download', '-q', ...packages], { cwd: folder, timeoutMs: FETCH_MS });
  let fetched = await download().catch((error: Error) => ({ status: 1, stderr: error.message }));
  if (fetched.status !== 0) {
    await exec(['apt-get', 'update', '-qq'], { timeoutMs: FETCH_MS }).catch(() => {});
    fetched = await download().catch((error: Error) => ({ status: 1, stderr: error.message }));
  }
  if (fetched.status === 0) return undefined;
  return `apt-get download ${packages.join(' ')}: ${fetched.stderr.trim().split('\n').at(-1)}`;
}

async function unpack(folder: string, name: string, version: string): Promise<string | undefined> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.deb'));
  const own = files.find((file) => file.startsWith(`${name}_`)) ?? '';
  if (!own.startsWith(`${name}_${version}`)) return `this Debian has ${own}, and not version ${version}`;
  const root = join(folder, 'root');
  for (const file of files) {
    const { status, stderr } = await exec(['dpkg-deb', '-x', join(folder, file), root]);
    if (status !== 0) return `${file}: ${stderr.trim()}`;
  }
  // The folders that merged systems have as links to /usr.
  for (const part of ['lib', 'bin', 'sbin']) {
    if (!(await isThere(join(root, part)))) continue;
    await cp(join(root, part), join(root, 'usr', part), { recursive: true, verbatimSymlinks: true });
    await rm(join(root, part), { recursive: true });
  }
  await mkdir(join(root, 'etc'), { recursive: true });
  return undefined;
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
