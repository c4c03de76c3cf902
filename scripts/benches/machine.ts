import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';
import type { Result } from './result.ts';

/** What figures depend on, of the machine they were taken on. */
export function describeMachine(): Result['machine'] {
  return {
    cpus: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    kernel: `${type()} ${release()}`,
    node: process.version,
    memoryMb: Math.round(totalmem() / 1_048_576),
    load: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  };
}
