import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';

/** Ticks of the kernel's clocks a second (USER_HZ, the same on all Linux architectures in use). */
const TICKS = 100;

/** Memory of some processes, MB of 10⁶ bytes. */
export type Memory = {
  /** Resident, shared parts counted in each process. */
  rssMb: number;
  /** What would be free if they ended. */
  privateMb: number;
};

/** CPU seconds that processes have used, with those of their children that ended. */
export async function cpuSeconds(pids: readonly number[]): Promise<number> {
  const ticks = await Promise.all(
    pids.map(async (pid) => ticksOf(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''))),
  );
  return ticks.reduce((sum, each) => sum + each, 0) / TICKS;
}

/** utime, stime, cutime and cstime of `/proc/PID/stat` (proc(5)); the name before them may hold anything. */
export function ticksOf(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).reduce((sum, field) => sum + (Number(field) || 0), 0);
}

/** CPU seconds that the whole machine was busy since its start: other programs and the kernel's own work included. */
export function machineSeconds(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0) / 1_000;
}

/** Resident and private memory of processes. One that ended meanwhile counts nothing. */
export async function memoryOf(pids: readonly number[]): Promise<Memory> {
  const texts = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '')),
  );
  const sum = (pattern: RegExp) =>
    texts.flatMap((text) => [...text.matchAll(pattern)]).reduce((total, [, kib]) => total + Number(kib), 0) *
    1_024;
  return {
    rssMb: round(sum(/^Rss:\s+(\d+) kB/gm)),
    privateMb: round(sum(/^Private_(?:Clean|Dirty):\s+(\d+) kB/gm)),
  };
}

const round = (bytes: number): number => Math.round(bytes / 100_000) / 10;
