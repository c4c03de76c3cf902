import type { Database } from '@picket/db';
import { testDatabase } from '@picket/db/testing';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Mailer } from '../mail/mailer.ts';
import { claimDigest } from '../store/digests.ts';
import type { Sql } from '../store/sql.ts';
import { trippedSighting } from '../testing/sighting.ts';
import { messageIdOf } from './envelope.ts';
import { runDigests, sendDigestNow, sendLeftDigests } from './run.ts';
import { closeMailboxes, FROM, mailbox, textsOf } from './testing/mailboxes.ts';
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

test('a claim that was left by a crash is sent by the next run: the same facts under the same Message-ID', async () => {
  const { inbox, mailer } = await mailbox();
  const prod = await scene(sql);
  await prod.see(trippedSighting());
  const messageId = messageIdOf(prod.networkId, HOUR_MS, FROM);
  const claim = { networkId: prod.networkId, hourMs: HOUR_MS, asked: false, messageId, nowMs: HOUR_MS };
  await claimDigest(sql, { ...claim, leaseMs: 0 });
  await prod.see(trippedSighting({ source: '198.51.100.9', address: '198.51.100.9' }));
  const deps = replica(sql, mailer);
  deps.clock.ms = HOUR_MS + 900_000;
  await runDigests(deps);
  expect(inbox.mails.map(({ parsed }) => parsed.messageId)).toEqual([messageId]);
  expect(textsOf(inbox)[0]).toContain('198.51.100.7');
  expect(textsOf(inbox)[0]).not.toContain('198.51.100.9');
  expect(textsOf(inbox)[0]).toMatch(/This mail is late: .* it took 2\s+tries/s);
  deps.clock.ms = NEXT_HOUR;
  await runDigests(deps);
  expect(textsOf(inbox)[1]).toContain('198.51.100.9');
  expect(textsOf(inbox)[1]).not.toContain('198.51.100.7');
});

test('while a replica has the lease no other sends the mail', async () => {
  const { inbox, mailer } = await mailbox();
  const prod = await scene(sql);
  await prod.see(trippedSighting());
  const claim = {
    networkId: prod.networkId,
    hourMs: HOUR_MS,
    asked: false,
    messageId: '<x@y>',
    nowMs: HOUR_MS,
  };
  expect(await claimDigest(sql, { ...claim, leaseMs: 60_000 })).toMatchObject({ attempt: 1 });
  await sendLeftDigests(replica(sql, mailer));
  expect(inbox.mails).toEqual([]);
});

test('a refused mail is kept with the reason, tried again later, and its network gathers news meanwhile', async () => {
  let isRefusing = true;
  const { inbox, mailer } = await mailbox({
    onMailFrom: (_address, _session, done) =>
      done(isRefusing ? Object.assign(new Error('greylisted\u0007'), { responseCode: 451 }) : null),
  });
  const prod = await scene(sql);
  await prod.see(trippedSighting());
  const deps = replica(sql, mailer);
  await runDigests(deps);
  const [left] = await sql`select last_error, lease_until > now() + '50 s' as waits from digest`;
  expect(left).toMatchObject({ last_error: expect.stringMatching(/451 greylisted\uFFFD?$/), waits: true });
  await prod.see(trippedSighting({ source: '198.51.100.9', address: '198.51.100.9' }));
  deps.clock.ms = NEXT_HOUR;
  await runDigests(deps);
  expect(await sql`select from digest`).toHaveLength(1);
  isRefusing = false;
  await sql`update digest set lease_until = now()`;
  await runDigests(deps);
  expect(textsOf(inbox).map((text) => text.match(/198\.51\.100\.\d(?=:)/g))).toEqual([
    ['198.51.100.7'],
    ['198.51.100.9'],
  ]);
});

test('a mail server that hangs leaves the mail for later', async () => {
  const { mailer } = await mailbox({ onConnect: () => {} }, 300);
  const prod = await scene(sql);
  await prod.see(trippedSighting());
  await runDigests(replica(sql, mailer));
  expect(await sql`select sent_at, last_error from digest`).toEqual([
    { sent_at: null, last_error: 'no end after 300 ms' },
  ]);
});

test('a recipient that is refused is told of, and the mail counts as sent', async () => {
  const { inbox, mailer } = await mailbox({
    onRcptTo: ({ address }, _session, done) =>
      done(address.startsWith('bob') ? Object.assign(new Error('unknown'), { responseCode: 550 }) : null),
  });
  const prod = await scene(sql, { recipients: ['ada@example.net', 'bob@example.net'] });
  await prod.see(trippedSighting());
  await runDigests(replica(sql, mailer));
  expect(inbox.mails).toHaveLength(1);
  expect(await sql`select last_error from digest where sent_at is not null`).toEqual([
    { last_error: 'refused for bob@example.net' },
  ]);
});

test('a mail asked for that is not taken says so and is tried again', async () => {
  const { mailer } = await mailbox({ onConnect: () => {} }, 300);
  const prod = await scene(sql);
  await prod.see(trippedSighting());
  expect(await sendDigestNow(replica(sql, mailer), prod.networkId)).toEqual({
    kind: 'left',
    reason: 'no end after 300 ms',
  });
  expect(await sql`select from digest where sent_at is null`).toHaveLength(1);
});

test('facts that another release wrote are left with a reason', async () => {
  const { inbox, mailer } = await mailbox();
  const prod = await scene(sql);
  await sql`
    insert into digest (network_id, hour, facts, list_version, message_id, lease_until)
    values (${prod.networkId}, ${new Date(HOUR_MS)}, '{"version": 99}', 0, '<x@y>', now())`;
  await sendLeftDigests(replica(sql, mailer));
  expect(inbox.mails).toEqual([]);
  expect(await sql`select last_error from digest`).toEqual([
    { last_error: 'its facts were written by another release' },
  ]);
});

test('through a day of crashes before and after the server took the mail, each hour is told under one Message-ID', async () => {
  const { inbox, mailer } = await mailbox();
  const prod = await scene(sql);
  let random = 7;
  const draw = () => {
    random = (random * 48_271) % 2_147_483_647;
    return random % 3;
  };
  const crashing: Mailer = {
    from: mailer.from,
    async send(mail) {
      const fate = draw();
      if (fate === 0) throw new Error('killed before the mail went out');
      const delivery = await mailer.send(mail);
      if (fate === 1) throw new Error('killed before the outcome was recorded');
      return delivery;
    },
  };
  const replicas = [0, 1].map(() => ({ ...replica(sql, crashing), log: silent }));
  for (let hour = 0; hour < 24; hour++) {
    await prod.see(trippedSighting({ source: `198.51.100.${hour}`, address: `198.51.100.${hour}` }));
    for (const each of replicas) each.clock.ms = HOUR_MS + hour * 3_600_000;
    await Promise.all(replicas.map(runDigests));
    for (let left = 1; left > 0; left = (await sql`select from digest where sent_at is null`).length) {
      await sql`update digest set lease_until = now() where sent_at is null`;
      await Promise.all(replicas.map(sendLeftDigests));
    }
  }
  const told = new Map<string | undefined, Set<string>>();
  for (const { parsed } of inbox.mails) {
    const { messageId, text } = parsed;
    told.set(messageId, (told.get(messageId) ?? new Set()).add(scannersIn(text)));
  }
  expect([...told.values()].map((scanners) => [...scanners])).toEqual(
    Array.from({ length: 24 }, (_, hour) => [`198.51.100.${hour}`]),
  );
  expect(inbox.mails.length).toBeGreaterThan(24);
});

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

const scannersIn = (text = '') => [...text.matchAll(/^! ([\d.]+):/gm)].map(([, source]) => source).join();
