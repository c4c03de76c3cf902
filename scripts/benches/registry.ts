import type { Bench } from './bench.ts';

/** A benchmark before it is loaded. */
export type Entry = {
  /** What it measures, for the list. */
  about: string;
  /** `COMMAND:PACKAGE` of Debian, beside what the lab needs anyway. */
  needs: readonly string[];
  /** Options beside those that all know; others are refused by name. */
  takes?: readonly ('seconds' | 'rows')[];
  load: () => Promise<Bench>;
};

/** All benchmarks by name. One folder each; a new one is one more entry. */
export const BENCHES: Readonly<Record<string, Entry>> = {
  matrix: {
    about: 'who detects and blocks which technique of scanning, and what passes before',
    needs: [],
    load: async () => (await import('./matrix/matrix.ts')).matrix,
  },
  cost: {
    about: 'CPU seconds and memory under probes, a flood of a blocked source, and bulk transfer',
    needs: [],
    load: async () => (await import('./cost/cost.ts')).cost,
  },
  'block-latency': {
    about: 'from the tripping packet to the block in force; --trips N instead of 1,000',
    needs: [],
    load: async () => (await import('./block-latency/block-latency.ts')).blockLatency,
  },
  'false-positives': {
    about: 'whom ordinary traffic accuses; --real-waits has leftovers come after 130, 300 and 900 s',
    needs: [],
    load: async () => (await import('./false-positives/false-positives.ts')).falsePositives,
  },
  ingest: {
    about: 'how fast a collector on one core stores batches, beside COPY and CrowdSec; --seconds N a load',
    needs: ['taskset:util-linux', 'psql:postgresql-client', 'sqlite3:sqlite3'],
    takes: ['seconds'],
    load: async () => (await import('./ingest/ingest.ts')).ingest,
  },
  'ingest-growth': {
    about: 'the same with millions of sightings in place; --rows N at most',
    needs: ['taskset:util-linux'],
    takes: ['seconds', 'rows'],
    load: async () => (await import('./ingest/growth.ts')).ingestGrowth,
  },
  flood: {
    about: 'how long honest hosts wait while one address sends 10,000 bad requests a second',
    needs: ['taskset:util-linux'],
    takes: ['seconds'],
    load: async () => (await import('./flood/flood.ts')).flood,
  },
};

/** The names with what they measure, one a line. */
export function listing(): string {
  const lines = Object.entries(BENCHES).map(([name, { about }]) => `  ${name.padEnd(16)} ${about}`);
  return [
    'usage: scripts/bench NAME [--json FILE] [--rounds N] [--trips N] [--seconds N] [--rows N] [--only SUBSTRING]',
    ...lines,
  ].join('\n');
}

/** The benchmark of a name. Own properties only: `toString` is none. */
export function findBench(name: string): Entry | undefined {
  return Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;
}
