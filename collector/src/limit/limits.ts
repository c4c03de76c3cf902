import { cidrOf, familyOf, firstAddress, type Source } from '@picket/protocol';
import type { Sql } from '../store/sql.ts';
import { type Allowance, createLimiter } from './limiter.ts';

/** What a request costs its address, in points. */
export const COST = {
  /** Refused, and nobody known has signed it: it may have cost a look-up and a signature. */
  stranger: 10,
  /** Refused, but signed by a host of the network: its own clock or fault. */
  host: 1,
  /** Served to anybody: the installer, the keys. */
  anybody: 1,
} as const;

/**
 * Of an address, per minute: 300 refused requests of strangers, or 3,000 downloads. What hosts sign costs nothing here, so
 * that a thousand of them behind one address do not starve each other; those are bounded one by one.
 */
const ADDRESS: Allowance = { name: 'address', points: 3_000, seconds: 60 };

/**
 * Of an IPv6 /48, the most that one site is commonly given (RFC 6177), beside the /64 of each address: as much as sixteen
 * addresses. Without it who holds one has the allowance of 65,536.
 */
const SITE: Allowance = { name: 'site', points: 16 * ADDRESS.points, seconds: 60 };

/** Of a host, per minute: pushes and list requests. An agent that drains a backlog beside a scan stays under ten a second. */
const HOST: Allowance = { name: 'host', points: 3_000, seconds: 60 };

/** Of an address, and of a join token, per minute: a fleet of a thousand may be installed at once from behind one address. */
const ENROL_ADDRESS: Allowance = { name: 'enrol-address', points: 1_200, seconds: 60 };
const ENROL_TOKEN: Allowance = { name: 'enrol-token', points: 1_200, seconds: 60 };

/** So many refusals for its limit alone, and an address is not answered any more: its connections are closed as they come. */
const MAX_ANSWERED = 200;

/** Most addresses remembered as over their limit; beyond it the first ones are let go. */
const MAX_SHUT = 100_000;

/** Who may ask how much. An undefined address is not limited. */
export interface Limits {
  /** Seconds until the address may ask again; undefined when it may now. Never asks a database. */
  waitOf(address: Source | undefined): number | undefined;
  /** Whether the address goes on and on although it was told to wait. */
  isDeaf(address: Source | undefined): boolean;
  /** Takes points from the address; it shows in {@link waitOf} once they are spent. */
  charge(address: Source | undefined, points: number): void;
  /** Counts a request of a host: seconds that it has to wait, or undefined. */
  host(hostId: string): Promise<number | undefined>;
  /** Counts an enrolment: seconds to wait, or undefined. */
  enrolment(address: Source | undefined, token: string): Promise<number | undefined>;
}

/**
 * @param sql where several replicas share their limits; undefined: in memory
 * @param nowMs a clock that nobody sets: an address that is shut must not stay so for as long as a clock was set back
 */
export function createLimits({
  sql,
  nowMs = () => performance.now(),
}: {
  sql: Sql | undefined;
  nowMs?: () => number;
}): Limits {
  const shut = new Map<Source, { untilMs: number; refused: number }>();
  const [address, host] = [createLimiter(ADDRESS, sql), createLimiter(HOST, sql)];
  const site = createLimiter(SITE, sql);
  const [enrolAddress, enrolToken] = [createLimiter(ENROL_ADDRESS, sql), createLimiter(ENROL_TOKEN, sql)];
  const shutOf = (key: Source | undefined) => {
    const entry = key === undefined ? undefined : shut.get(key);
    if (key === undefined || entry === undefined || entry.untilMs > nowMs()) return entry;
    shut.delete(key);
    return undefined;
  };
  const close = (key: Source, waitMs: number) => {
    const oldest = shut.size >= MAX_SHUT ? shut.keys().next().value : undefined;
    if (oldest !== undefined) shut.delete(oldest);
    shut.set(key, { untilMs: nowMs() + waitMs, refused: shut.get(key)?.refused ?? 0 });
  };
  const shutOfAny = (key: Source | undefined) => shutOf(key) ?? shutOf(siteOf(key));
  return {
    waitOf(key) {
      const entry = shutOfAny(key);
      if (entry === undefined) return undefined;
      entry.refused += 1;
      return seconds(entry.untilMs - nowMs());
    },
    isDeaf: (key) => (shutOfAny(key)?.refused ?? 0) >= MAX_ANSWERED,
    charge(key, points) {
      if (key === undefined) return;
      const spend = (from: typeof address, of: Source) =>
        // What the limiter throws is a bug: it has a limiter in memory to fall back on.
        void from.spend(of, points).then((waitMs) => waitMs === undefined || close(of, waitMs));
      spend(address, key);
      const wide = siteOf(key);
      if (wide !== undefined) spend(site, wide);
    },
    async host(hostId) {
      return seconds(await host.spend(hostId));
    },
    async enrolment(key, token) {
      const byAddress = key === undefined ? undefined : await enrolAddress.spend(key);
      return seconds(byAddress ?? (await enrolToken.spend(token)));
    },
  };
}

/** The /48 of an IPv6 /64; undefined for what is none. */
function siteOf(key: Source | undefined): Source | undefined {
  return key === undefined || familyOf(key) === 4 ? undefined : cidrOf(firstAddress(key), 48);
}

function seconds(waitMs: number): number;
function seconds(waitMs: number | undefined): number | undefined;
function seconds(waitMs: number | undefined): number | undefined {
  return waitMs === undefined ? undefined : Math.max(1, Math.ceil(waitMs / 1000));
}
