/** A load by the size of its batches. */
export type Case = {
  name: string;
  /** Sightings in a batch. */
  size: number;
  /** Batches a second that are prepared: more than any collector on one core has taken. */
  mostPerSecond: number;
  /** A batch is due each so many ms, and times count from then; without it each connection sends as soon as it was answered. */
  everyMs?: number;
};

/** A trip alone, what a host under a scan tells at once, and what it drains after an outage. */
export const CASES: readonly Case[] = [
  { name: 'batch-1', size: 1, mostPerSecond: 3_000 },
  { name: 'batch-20', size: 20, mostPerSecond: 1_000 },
  { name: 'batch-200', size: 200, mostPerSecond: 200 },
];

/** 5,000 sightings a second, which a collector stands: how long hosts wait when nobody is at the limit. */
export const PACED: Case = { name: 'paced-5000', size: 200, mostPerSecond: 25, everyMs: 40 };

/** Hosts of the fleet. */
export const HOSTS = 1_000;

/** Kept connections. */
export const CONNECTIONS = 16;

/** How long a load lasts unless told, seconds. */
export const SECONDS = 10;
