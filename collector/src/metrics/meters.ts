import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** Routes by name: what is asked for beside them is `other`, so that no client makes labels. */
export type RouteName =
  | 'events'
  | 'enrolments'
  | 'host-keys'
  | 'blocklist'
  | 'keys'
  | 'downloads'
  | 'health'
  | 'other';

/** Which limit somebody was over. */
export type LimitName = 'address' | 'connection' | 'host' | 'enrolment';

/** Counts what happens. Every label has a fixed set of values. */
export interface Meters {
  answered(route: RouteName, status: number): void;
  /** @param cause what stands behind the code: an unknown host, a withdrawn one, a bad signature, or something else */
  refused(route: RouteName, err: string, cause: string): void;
  stored(batch: { isNew: boolean; sightings: number; unknownEvents: number; seconds: number }): void;
  limited(limit: LimitName): void;
  /** Everything in Prometheus' text format. */
  read(): Promise<{ type: string; text: string }>;
}

/** What is asked for at the moment of reading. */
export interface MeterSources {
  /** Requests that wait for a list. */
  waiting(): number;
  /** Connections to PostgreSQL by state, or undefined when it does not answer. */
  connections(): Promise<ReadonlyMap<string, number> | undefined>;
}

/** From a commit to a local disk to a database that is in trouble, seconds. */
const COMMIT_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/** The collector's own meters, and those of its process. */
export function createMeters(sources: MeterSources): Meters {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const { requests, refusals, limited } = requestCounters(registry);
  const { batches, sightings, unknown, commit } = storeMeters(registry);
  addGauges(registry, sources);
  return {
    answered: (route, status) => requests.inc({ route, status }),
    refused: (route, err, cause) => refusals.inc({ route, err, cause }),
    stored({ isNew, sightings: count, unknownEvents, seconds }) {
      batches.inc({ kind: isNew ? 'new' : 'repeated' });
      commit.observe(seconds);
      if (isNew) sightings.inc(count);
      if (isNew) unknown.inc(unknownEvents);
    },
    limited: (limit) => limited.inc({ limit }),
    read: async () => ({ type: registry.contentType, text: await registry.metrics() }),
  };
}

function requestCounters(register: Registry) {
  const registers = [register];
  return {
    requests: new Counter({
      ...{ name: 'picket_http_requests_total', help: 'Requests answered.', registers },
      labelNames: ['route', 'status'],
    }),
    refusals: new Counter({
      ...{ name: 'picket_refusals_total', help: 'Requests refused, by RFC 8935 code and what is behind it.' },
      ...{ registers, labelNames: ['route', 'err', 'cause'] },
    }),
    limited: new Counter({
      ...{ name: 'picket_limited_total', help: 'Requests and connections over a limit.', registers },
      labelNames: ['limit'],
    }),
  };
}

function storeMeters(register: Registry) {
  const registers = [register];
  return {
    batches: new Counter({
      ...{ name: 'picket_batches_total', help: 'Batches taken: new, or repeated and without effect.' },
      ...{ registers, labelNames: ['kind'] },
    }),
    sightings: new Counter({
      ...{ name: 'picket_sightings_total', help: 'Sightings in new batches.', registers },
    }),
    unknown: new Counter({
      ...{
        name: 'picket_unknown_events_total',
        help: 'Events of kinds that newer agents tell: kept as they came.',
      },
      registers,
    }),
    commit: new Histogram({
      ...{ name: 'picket_commit_seconds', help: 'Time from a verified batch to its durable commit.' },
      ...{ registers, buckets: COMMIT_BUCKETS },
    }),
  };
}

function addGauges(register: Registry, { waiting, connections }: MeterSources): void {
  const registers = [register];
  new Gauge({
    ...{ name: 'picket_list_waiters', help: 'Requests that wait for a block list.', registers },
    collect() {
      this.set(waiting());
    },
  });
  new Gauge({
    ...{ name: 'picket_postgres_connections', help: 'Connections of all replicas to PostgreSQL, by state.' },
    ...{ registers, labelNames: ['state'] },
    async collect() {
      this.reset();
      for (const [state, count] of (await connections()) ?? []) this.set({ state }, count);
    },
  });
}
