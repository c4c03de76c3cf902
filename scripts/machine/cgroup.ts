import { mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';

/** Makes a cgroup (version 2) below that of this process; undefined where none is mounted. */
export function makeCgroup(name: string): string | undefined {
  const mount = cgroup2Mount(readFileSync('/proc/self/mountinfo', 'utf8'));
  if (mount === undefined) return undefined;
  const own = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? '/';
  const path = join(mount, own, name);
  mkdirSync(path);
  return path;
}

/** Removes a cgroup and those below it, which must hold no process any more. */
export function removeCgroup(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory()) removeCgroup(join(path, entry.name));
  rmdirSync(path);
}

/** Where cgroup version 2 is mounted, from `/proc/self/mountinfo` (proc_pid_mountinfo(5)). */
function cgroup2Mount(mountinfo: string): string | undefined {
  for (const line of mountinfo.split('\n')) {
    const [mount, filesystem] = line.split(' - ');
    if (filesystem?.startsWith('cgroup2 ')) return mount?.split(' ')[4];
  }
  return undefined;
}
