import { CORRELATION } from '../correlate/evidence.ts';
import { type Facts, isWorthMail } from '../digest/facts.ts';
import { GIVE_UP_MS } from '../digest/schedule.ts';
import { readActsNews } from './acts.ts';
import { COLLECTOR, recordAct } from './audit.ts';
import { readScannerNews } from './digest-news.ts';
import { readPeoplesNews } from './digest-people.ts';
import type { Query, Sql, Tx } from './sql.ts';

/** A digest that this replica alone may send until its lease ends. */
export type Lease = {
  networkId: string;
  hourMs: number;
  /** As they were stored; another release may have written them. */
  facts: unknown;
  messageId: string;
  /** Which try this is, from 1. */
  attempt: number;
};

/** What to claim. */
export type Claim = {
  networkId: string;
  hourMs: number;
  /** A person asked for it between the hours. */
  asked: boolean;
  /** Who asked, as the audit log names him. */
  who?: string;
  messageId: string;
  nowMs: number;
  leaseMs: number;
};

/** A network with something to tell. */
export type NewsyNetwork = { id: string; name: string; recipients: string[] };

/** Longest a claim may take, ms: one must not fail for ever because much happened. */
const CLAIM_TIMEOUT_MS = 600_000;

/** For how long the news of a network waits for a mail that could not be sent yet: they become one mail, not many. */
const WAIT_FOR_UNSENT_MS = 24 * 3_600_000;

/**
 * Networks with something to tell that have no digest for the hour yet.
 *
 * @param newsBeforeMs only news from before that time makes a digest
 */
export async function networksWithNews(
  sql: Query,
  { hourMs, newsBeforeMs }: { hourMs: number; newsBeforeMs: number | undefined },
): Promise<NewsyNetwork[]> {
  const before =
    newsBeforeMs === undefined ? sql`'infinity'::timestamptz` : sql`${new Date(newsBeforeMs)}::timestamptz`;
  return sql<NewsyNetwork[]>`
    select id, name, recipients from network n
    where not exists (
        select from digest d where d.network_id = n.id and (d.hour = ${new Date(hourMs)}
          or (d.sent_at is null and d.hour > ${new Date(hourMs - WAIT_FOR_UNSENT_MS)})))
      and (exists (
        select from sighting s
        where s.network_id = n.id and s.told_rev < s.news_rev and (s.tripped_at < ${before} or exists (
          select from block k where k.network_id = n.id and k.source = s.source and k.created_at < ${before}
            and coalesce(least(k.removed_at, k.until_at), k.until_at) >= s.first_at)))
      or exists (
        select from block k
        where k.network_id = n.id and k.author <> ${CORRELATION} and k.removed_at is null and k.created_at < ${before}
          and k.version > (select coalesce(max(list_version), 0) from digest d where d.network_id = n.id)))
    order by id`;
}

/** Ends the transaction of a claim that found nothing, so that it leaves no trace. */
class NothingToTell extends Error {
  readonly code = 'nothing_to_tell';
}

/**
 * Claims the digest of an hour: fixes what it tells, marks that as told, and leases it to this replica, in one
 * transaction. Undefined when another replica has it or nothing is to be told; then nothing is changed.
 */
export async function claimDigest(sql: Sql, claim: Claim): Promise<Lease | undefined> {
  try {
    return await sql.begin(async (tx) => {
      await tx`select set_config('statement_timeout', ${String(CLAIM_TIMEOUT_MS)}, true)`;
      return (await insertClaim(tx, claim)) ? await fixFacts(tx, claim) : undefined;
    });
  } catch (error) {
    if (error instanceof NothingToTell) return undefined;
    throw error;
  }
}

/** False when the hour has been claimed. A claim that runs elsewhere is waited for. */
async function insertClaim(tx: Tx, { networkId, hourMs, messageId, leaseMs }: Claim): Promise<boolean> {
  const inserted = await tx`
    insert into digest (network_id, hour, facts, list_version, message_id, attempts, lease_until)
    values (${networkId}, ${new Date(hourMs)}, '{}', 0, ${messageId}, 1, ${leaseEnd(tx, leaseMs)})
    on conflict do nothing returning hour`;
  return inserted.length === 1;
}

async function fixFacts(tx: Tx, claim: Claim): Promise<Lease> {
  const { networkId, hourMs, messageId, asked, who = COLLECTOR } = claim;
  const { facts, listVersion } = await readFacts(tx, { ...claim, mark: true });
  if (!isWorthMail(facts)) throw new NothingToTell('nothing to tell');
  await tx`
    update digest set facts = ${JSON.stringify(facts)}::text::jsonb, list_version = ${listVersion}
    where network_id = ${networkId} and hour = ${new Date(hourMs)}`;
  if (asked) await recordAct(tx, { networkId, who, act: 'digest.send', subject: messageId });
  return { networkId, hourMs, facts, messageId, attempt: 1 };
}

/** Reads what a digest would tell now, and changes nothing. */
export async function previewFacts(sql: Sql, networkId: string, nowMs: number): Promise<Facts> {
  return sql.begin('isolation level repeatable read read only', async (tx) => {
    const { facts } = await readFacts(tx, { networkId, hourMs: nowMs, nowMs, asked: true, mark: false });
    return facts;
  });
}

type FactsQuery = Pick<Claim, 'networkId' | 'hourMs' | 'nowMs' | 'asked'> & { mark: boolean };

/**
 * Sightings first, then the network's row: the order in which batches lock them, so that no two wait for each other.
 * With the row locked no block list changes and no other claim goes on: versions told are told once.
 */
async function readFacts(tx: Tx, query: FactsQuery): Promise<{ facts: Facts; listVersion: number }> {
  const { networkId, nowMs, hourMs, asked, mark } = query;
  const scannerNews = await readScannerNews(tx, { networkId, nowMs, mark });
  const [network] = await tx<
    { name: string; zone: string; listVersion: number; mode: string; modeUntil: Date | null }[]
  >`
    select name, zone, list_version as "listVersion", mode, mode_until as "modeUntil" from network where id = ${networkId}
    ${mark ? tx`for no key update` : tx``}`;
  if (network === undefined) throw new NothingToTell('the network is gone');
  const [last] = await tx<[{ hour: Date | null; listVersion: number }]>`
    select max(hour) as hour, coalesce(max(list_version), 0) as "listVersion" from digest
    where network_id = ${networkId} and hour <> ${new Date(hourMs)}`;
  const previousMs = last.hour?.getTime() ?? null;
  const { name, zone, listVersion, mode, modeUntil } = network;
  const observe = mode === 'observe' && (modeUntil === null || modeUntil.getTime() > nowMs);
  const versions = { afterVersion: last.listVersion, upToVersion: listVersion };
  const people = await readPeoplesNews(tx, { networkId, nowMs, previousMs, ...versions });
  const acts = await readActsNews(tx, { networkId, mark });
  const facts: Facts = {
    version: 1,
    network: { name, zone },
    ...(observe && { observe: { untilMs: modeUntil?.getTime() ?? null } }),
    hourMs,
    asked,
    previousMs,
    ...scannerNews,
    people,
    ...(acts.count > 0 && { acts }),
  };
  return { facts, listVersion };
}

/** Leases the oldest unsent digest whose lease has ended; undefined when there is none. */
export async function takeDigest(
  sql: Query,
  { nowMs, leaseMs }: { nowMs: number; leaseMs: number },
): Promise<Lease | undefined> {
  const [row] = await sql<
    { networkId: string; hour: Date; facts: unknown; messageId: string; attempt: number }[]
  >`
    update digest set attempts = attempts + 1, lease_until = ${leaseEnd(sql, leaseMs)}
    where (network_id, hour) in (
      select network_id, hour from digest
      where sent_at is null and lease_until <= now() and hour > ${new Date(nowMs - GIVE_UP_MS)}
      order by hour limit 1 for update skip locked)
    returning network_id as "networkId", hour, facts, message_id as "messageId", attempts as attempt`;
  if (row === undefined) return undefined;
  const { hour, ...rest } = row;
  return { ...rest, hourMs: hour.getTime() };
}

/** Leases end by the clock of the database: replicas' own clocks differ. */
const leaseEnd = (sql: Query, leaseMs: number) => sql`now() + make_interval(secs => ${leaseMs / 1000})`;

/** Records that the mail was taken, and what is to be known of it all the same. */
export async function recordSent(sql: Query, lease: Lease, note: string | undefined): Promise<void> {
  await sql`
    update digest set sent_at = now(), last_error = ${note ?? null}
    where network_id = ${lease.networkId} and hour = ${new Date(lease.hourMs)} and sent_at is null`;
}

/** Records why the mail was not taken, and when it may be tried again; nothing when another replica has it by now. */
export async function recordFailed(
  sql: Query,
  lease: Lease,
  { reason, waitMs }: { reason: string; waitMs: number },
): Promise<void> {
  await sql`
    update digest set last_error = ${reason}, lease_until = ${leaseEnd(sql, waitMs)}
    where network_id = ${lease.networkId} and hour = ${new Date(lease.hourMs)} and sent_at is null
      and attempts = ${lease.attempt}`;
}

/** Where the mails of a network go, as of now: a wrong address can be set right while a mail waits. */
export async function readAddressee(
  sql: Query,
  networkId: string,
): Promise<{ name: string; recipients: string[] } | undefined> {
  const [row] = await sql<{ name: string; recipients: string[] }[]>`
    select name, recipients from network where id = ${networkId}`;
  return row;
}
