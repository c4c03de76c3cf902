/** A load by the size of its batches. */
export type Case = {
  name: string;
  /** Sightings in a batch. */
  size: number;
  /** Batches a second that are prepared: more than any collector on one core has taken. */
  mostPerSecond: number;
};

/** A trip alone, what a host under a scan tells at once, and what it drains after an outage. */
export const CASES: readonly Case[] = [
  { name: 'batch-1', size: 1, mostPerSecond: 3_000 },
  { name: 'batch-20', size: 20, mostPerSecond: 1_000 },
  { name: 'batch-200', size: 200, mostPerSecond: 200 },
];

/** Hosts of the fleet. */
export const HOSTS = 1_000;

/** Kept connections. */
export const CONNECTIONS = 16;

/** How long a load lasts unless told, seconds. */
export const SECONDS = 10;
