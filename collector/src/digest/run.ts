import type { Log } from '../deps.ts';
import type { Mailer } from '../mail/mailer.ts';
import {
  claimDigest,
  type Lease,
  type NewsyNetwork,
  networksWithNews,
  previewFacts,
  readAddressee,
  recordFailed,
  recordSent,
  takeDigest,
} from '../store/digests.ts';
import type { Sql } from '../store/sql.ts';
import { listOf, messageIdOf } from './envelope.ts';
import { factsSchema, isWorthMail } from './facts.ts';
import { foreign } from './foreign.ts';
import { type MailContent, render } from './render.ts';
import { GIVE_UP_MS, hourOf, isOnTime, momentOf, retryMs } from './schedule.ts';

/** What the digests work with. */
export type DigestDeps = {
  sql: Sql;
  mailer: Mailer;
  log: Log;
  /** Wall clock, Unix ms. */
  nowMs(): number;
  /** When it aborts, mails under way are left for a later run and no more are begun. */
  readonly stop?: AbortSignal;
};

/** How long a replica may take to send one mail, ms: longer than any mailer takes, so that no other sends it too. */
const LEASE_MS = 12 * 60_000;

/** Mails on their way at once: a server that hangs must not hold up all networks. */
const SENDERS = 4;

/** What came of one try to send; `left` is tried again later. */
export type Outcome = { kind: 'sent'; messageId: string } | { kind: 'left'; reason: string };

/**
 * The hourly run over all networks: first what was left unsent, then the digest of this hour for each network with
 * something to tell. Harmless to call at any time and on any number of replicas: at the full hour it tells all there
 * is; later it only makes up for an hour that was missed.
 */
export async function runDigests(deps: DigestDeps): Promise<void> {
  const nowMs = deps.nowMs();
  await sendLeftDigests(deps);
  const hourMs = hourOf(nowMs);
  const newsBeforeMs = isOnTime(nowMs) ? undefined : hourMs;
  const networks = await networksWithNews(deps.sql, { hourMs, newsBeforeMs });
  await inParallel(networks, async (network) => {
    if (!deps.stop?.aborted) await runNetwork(deps, network, hourMs);
  });
}

async function runNetwork(deps: DigestDeps, network: NewsyNetwork, hourMs: number): Promise<void> {
  if (network.recipients.length === 0) {
    deps.log.warn({ networkId: network.id }, 'a network has news and no recipients: no mail');
    return;
  }
  await reporting(deps, network.id, async () => {
    const lease = await claim(deps, network.id, { hourMs, asked: false });
    if (lease !== undefined) await deliver(deps, lease);
  });
}

/** What goes wrong with one network's digest is told and does not stop the others'. */
async function reporting({ log }: DigestDeps, networkId: string, act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
  } catch (error) {
    log.error({ err: error, networkId }, 'the digest of a network failed');
  }
}

/** Sends what an earlier run claimed and did not get through, here or on another replica. Meant for every minute. */
export async function sendLeftDigests(deps: DigestDeps): Promise<void> {
  await inParallel(Array.from({ length: SENDERS }), async () => {
    while (!deps.stop?.aborted) {
      const lease = await takeDigest(deps.sql, { nowMs: deps.nowMs(), leaseMs: LEASE_MS });
      if (lease === undefined) return;
      await reporting(deps, lease.networkId, () => deliver(deps, lease));
    }
  });
}

/**
 * Claims and sends now what no mail has told, because a person asked. The next hourly mail tells what comes after.
 *
 * @returns `nothing` when there is nothing to tell; `left` when the mail is claimed and will be tried again
 */
export async function sendDigestNow(
  deps: DigestDeps,
  networkId: string,
  who?: string,
): Promise<Outcome | { kind: 'nothing' } | { kind: 'no-recipients' }> {
  const addressee = await readAddressee(deps.sql, networkId);
  if (addressee === undefined || addressee.recipients.length === 0) return { kind: 'no-recipients' };
  const lease = await claim(deps, networkId, {
    hourMs: momentOf(deps.nowMs()),
    asked: true,
    ...(who === undefined ? {} : { who }),
  });
  return lease === undefined ? { kind: 'nothing' } : deliver(deps, lease);
}

/** The mail as it would be sent now; undefined when there is nothing to tell. Changes nothing. */
export async function previewDigest(
  deps: Pick<DigestDeps, 'sql' | 'nowMs'>,
  networkId: string,
): Promise<MailContent | undefined> {
  const nowMs = deps.nowMs();
  const facts = await previewFacts(deps.sql, networkId, nowMs);
  return isWorthMail(facts) ? render(facts, { atMs: nowMs, attempt: 1 }) : undefined;
}

function claim(
  { sql, mailer, nowMs }: DigestDeps,
  networkId: string,
  which: { hourMs: number; asked: boolean; who?: string },
): Promise<Lease | undefined> {
  const messageId = messageIdOf(networkId, which.hourMs, mailer.from);
  return claimDigest(sql, { networkId, ...which, messageId, nowMs: nowMs(), leaseMs: LEASE_MS });
}

/**
 * Tries once to send a leased digest and records the outcome. One doubt is left that no order of steps removes: a
 * crash after the server took the mail and before that is recorded sends it again, with the same Message-ID.
 */
async function deliver(deps: DigestDeps, lease: Lease): Promise<Outcome> {
  const { sql, log } = deps;
  const { networkId, hourMs, messageId, attempt } = lease;
  const delivery = await send(deps, lease);
  if (delivery.kind === 'failed') return postpone(deps, lease, foreign(delivery.reason, 500));
  const refused = delivery.refused.map((address) => foreign(address, 254)).join(', ');
  await recordSent(sql, lease, refused === '' ? undefined : `refused for ${refused}`);
  log.info({ networkId, hour: new Date(hourMs), attempt, messageId, refused }, 'a digest was sent');
  return { kind: 'sent', messageId };
}

async function postpone({ sql, log, nowMs }: DigestDeps, lease: Lease, reason: string): Promise<Outcome> {
  const { networkId, hourMs, attempt } = lease;
  const waitMs = retryMs(attempt);
  await recordFailed(sql, lease, { reason, waitMs });
  const fields = { networkId, hour: new Date(hourMs), attempt, reason };
  if (nowMs() + waitMs - hourMs < GIVE_UP_MS) log.warn(fields, 'a digest was not taken; it is tried again');
  else log.error(fields, 'a digest was not taken for days; it is given up');
  return { kind: 'left', reason };
}

async function send({ sql, mailer, nowMs, stop }: DigestDeps, lease: Lease): ReturnType<Mailer['send']> {
  const facts = factsSchema.safeParse(lease.facts);
  if (!facts.success) return { kind: 'failed', reason: 'its facts were written by another release' };
  const addressee = await readAddressee(sql, lease.networkId);
  if (addressee === undefined || addressee.recipients.length === 0) {
    return { kind: 'failed', reason: 'the network has no recipients' };
  }
  const atMs = nowMs();
  const mail = {
    ...render(facts.data, { atMs, attempt: lease.attempt }),
    messageId: lease.messageId,
    list: listOf(lease.networkId, addressee.name, mailer.from),
    to: addressee.recipients,
    date: new Date(atMs),
  };
  return mailer.send(mail, stop);
}

async function inParallel<T>(items: Iterable<T>, act: (item: T) => Promise<void>): Promise<void> {
  const queue = items[Symbol.iterator]();
  const worker = async () => {
    for (let next = queue.next(); next.done !== true; next = queue.next()) await act(next.value);
  };
  await Promise.all(Array.from({ length: SENDERS }, worker));
}
