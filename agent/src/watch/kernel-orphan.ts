import { readFile, readlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** Who reads which NFLOG group of this network namespace: one line a group, group and netlink port id first. */
const READERS = '/proc/net/netfilter/nfnetlink_log';

/** Longest wait for an orphan to end, ms: tcpdump ends at once when it is asked. */
const END_LIMIT_MS = 2_000;

/**
 * Ends the tcpdump that a killed agent left behind. Nobody reads it, but only one program can read a group, so that it
 * would keep the next agent out until a probe makes it notice. Another program's reader is left alone, and so is that
 * of an agent that lives.
 *
 * @param argv the command that the killed agent ran: the orphan's is the same
 */
export async function endOrphan(group: number, argv: readonly string[]): Promise<void> {
  const pid = readerOf(group, await readFile(READERS, 'utf8').catch(() => ''));
  if (pid === undefined || !(await isOrphan(pid, argv))) return;
  try {
    process.kill(pid, 'SIGTERM');
  } catch {
    // It ended meanwhile, or is another user's: whether the group is free shows when it is read.
    return;
  }
  const endMs = performance.now() + END_LIMIT_MS;
  while (performance.now() < endMs && (await commandOf(pid)) !== undefined) await sleep(10);
}

/** Process that reads a group: the kernel names a netlink socket after its process when it can (netlink(7)). */
export function readerOf(group: number, table: string): number | undefined {
  const rows = table.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  return rows.find(([queue]) => queue === group)?.[1];
}

async function isOrphan(pid: number, argv: readonly string[]): Promise<boolean> {
  if ((await commandOf(pid)) !== argv.join('\0')) return false;
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const parent = Number(/^PPid:\s*(\d+)$/m.exec(status)?.[1] ?? 0);
  // Whose parent is gone belongs to process 1 or to another that takes orphans in; neither is a Node program.
  return parent === 1 || (await readlink(`/proc/${parent}/exe`).catch(() => '')) !== process.execPath;
}

/** Arguments joined by NUL; undefined when the process is gone. A zombie has none either. */
async function commandOf(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return text === '' ? undefined : text.replace(/\0$/, '');
}
