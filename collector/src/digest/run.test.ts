import type { Database } from '@picket/db';
import { testDatabase } from '@picket/db/testing';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Sql } from '../store/sql.ts';
import { sighting, trippedSighting } from '../testing/sighting.ts';
import { messageIdOf } from './envelope.ts';
import { previewDigest, runDigests, sendDigestNow } from './run.ts';
import { closeMailboxes, FROM, mailbox, subjectsOf, textsOf } from './testing/mailboxes.ts';
import { HOUR_MS, replica, scene } from './testing/scene.ts';

const NEXT_HOUR = HOUR_MS + 3_600_000;

let database: Database;
let sql: Sql;

beforeAll(async () => {
  database = await testDatabase();
  sql = database.sql;
});

afterEach(async () => {
  await sql`truncate network cascade`;
  await closeMailboxes();
});

afterAll(() => database.close());

test('the hour of a scan makes one mail, and the run repeated makes no other', async () => {
  const { inbox, mailer } = await mailbox();
  const prod = await scene(sql);
  await prod.see(trippedSighting());
  await prod.share({ source: '198.51.100.7' });
  await prod.confirm(0, 1, 2);
  const deps = replica(sql, mailer);
  await runDigests(deps);
  await runDigests(deps);
  deps.clock.ms = NEXT_HOUR;
  await runDigests(deps);
  expect(subjectsOf(inbox)).toEqual([`[${prod.name}] 1 scanner blocked on 3 hosts`]);
  expect(inbox.mails[0]?.to).toEqual(['ops@example.net']);
  expect(inbox.mails[0]?.parsed.messageId).toBe(messageIdOf(prod.networkId, HOUR_MS, FROM));
  expect(textsOf(inbox)[0]).toContain('198.51.100.7: blocked on 3 of 3 hosts');
  expect(textsOf(inbox)[0]).toContain('host-1: TCP 21, 23, 25');
  expect(await sql`select attempts, last_error, sent_at is not null as sent from digest`).toEqual([
    { attempts: 1, last_error: null, sent: true },
  ]);
});

test('sightings below the threshold make no mail and wait to be counted in the next one', async () => {
  const { inbox, mailer } = await mailbox();
  const prod = await scene(sql);
  await prod.see(sighting({ source: '198.51.100.8', address: '198.51.100.8' }));
  const deps = replica(sql, mailer);
  await runDigests(deps);
  expect(inbox.mails).toEqual([]);
  expect(await sql`select from digest`).toHaveLength(0);
  await prod.see(trippedSighting());
  deps.clock.ms = NEXT_HOUR;
  await runDigests(deps);
  expect(textsOf(inbox)[0]).toContain('Below the threshold: 1 source with 1 probe on 1 host, not blocked.');
  expect(await sql`select from sighting where told_rev < news_rev`).toHaveLength(0);
});

test('a source below the threshold of each host that the network blocks is told', async () => {
  const { inbox, mailer } = await mailbox();
  const prod = await scene(sql);
  await prod.see(sighting(), 0);
  await prod.see(sighting(), 1);
  await prod.share({ source: '198.51.100.7', reason: 'probed host-1 and host-2' });
  await runDigests(replica(sql, mailer));
  expect(textsOf(inbox)[0]).toContain('shared because: probed host-1 and host-2');
});

test('replicas that run at once send one mail for each network', async () => {
  const { inbox, mailer } = await mailbox();
  const names: string[] = [];
  for (let i = 0; i < 8; i++) {
    const each = await scene(sql);
    await each.see(trippedSighting());
    names.push(each.name);
  }
  await Promise.all([1, 2, 3].map(() => runDigests(replica(sql, mailer))));
  expect(subjectsOf(inbox).sort()).toEqual(
    names.map((name) => `[${name}] 1 scanner seen, not blocked: needs a look`).sort(),
  );
});

test('a network without recipients is reported and keeps its news', async () => {
  const { inbox, mailer } = await mailbox();
  const prod = await scene(sql, { recipients: [] });
  await prod.see(trippedSighting());
  const deps = replica(sql, mailer);
  await runDigests(deps);
  expect(deps.warnings).toEqual(['a network has news and no recipients: no mail']);
  expect(await sendDigestNow(deps, prod.networkId)).toEqual({ kind: 'no-recipients' });
  expect(await sql`select from sighting where told_rev < news_rev`).toHaveLength(1);
  expect(inbox.mails).toEqual([]);
});

test('a start in the middle of an hour makes up for a missed one, and leaves the news of this one to the next', async () => {
  const { inbox, mailer } = await mailbox();
  const [missed, fresh] = [await scene(sql), await scene(sql)];
  await missed.see(trippedSighting());
  const trip = { atMs: HOUR_MS + 60_000 };
  await fresh.see(trippedSighting({ trip, lastAtMs: trip.atMs }));
  const deps = replica(sql, mailer);
  deps.clock.ms = HOUR_MS + 2_220_000;
  await runDigests(deps);
  expect(subjectsOf(inbox)).toEqual([expect.stringContaining(missed.name)]);
  expect(textsOf(inbox)[0]).toMatch(/This mail is late: .* Picket could not send it\s+before/s);
  deps.clock.ms = NEXT_HOUR;
  await runDigests(deps);
  expect(subjectsOf(inbox)[1]).toContain(fresh.name);
});

test('a mail that a person asks for tells what is new, and the hourly one what comes after', async () => {
  const { inbox, mailer } = await mailbox();
  const prod = await scene(sql);
  const deps = replica(sql, mailer);
  expect(await sendDigestNow(deps, prod.networkId)).toEqual({ kind: 'nothing' });
  await prod.see(trippedSighting());
  const sent = await sendDigestNow(deps, prod.networkId);
  expect(sent).toEqual({ kind: 'sent', messageId: inbox.mails[0]?.parsed.messageId });
  await prod.see(trippedSighting({ source: '198.51.100.9', address: '198.51.100.9' }));
  deps.clock.ms = HOUR_MS + 1_000;
  expect(await sendDigestNow(deps, prod.networkId)).toMatchObject({ kind: 'sent' });
  await prod.see(trippedSighting({ source: '198.51.100.10', address: '198.51.100.10' }));
  await runDigests(deps);
  expect(textsOf(inbox).map((text) => text.match(/^. 198[\d.]+/m)?.[0])).toEqual([
    '! 198.51.100.7',
    '! 198.51.100.9',
    '! 198.51.100.10',
  ]);
});

test('a preview is the mail that would be sent, and changes nothing', async () => {
  const { inbox, mailer } = await mailbox();
  const prod = await scene(sql);
  const deps = replica(sql, mailer);
  expect(await previewDigest(deps, prod.networkId)).toBeUndefined();
  await prod.see(trippedSighting());
  const preview = await previewDigest(deps, prod.networkId);
  expect(await previewDigest(deps, prod.networkId)).toEqual(preview);
  await sendDigestNow(deps, prod.networkId);
  expect(subjectsOf(inbox)).toEqual([preview?.subject]);
  // The key of the sent mail is a millisecond after the full hour, which no line shows.
  expect(textsOf(inbox)).toEqual([preview?.text]);
});
