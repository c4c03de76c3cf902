import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ParsedMail, simpleParser } from 'mailparser';
import { afterEach, describe, expect, test } from 'vitest';
import type { Mail, Mailer } from './mailer.ts';
import { createMailer } from './pick.ts';
import { smtpMailer } from './smtp.ts';
import { smtpInbox } from './testing/smtp-inbox.ts';

const FROM = 'picket@example.net';
const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

function mail(over: Partial<Mail> = {}): Mail {
  return {
    messageId: '<20261123T100000000Z.0190@example.net>',
    list: { id: '0190.picket.example.net', name: 'Picket prod' },
    to: ['ada@example.net', 'bob@example.net'],
    subject: '[prod] 1 scanner blocked on 3 hosts',
    text: 'Nothing.\n',
    html: '<p>Nothing.</p>\n',
    date: new Date('2026-11-23T10:00:00Z'),
    ...over,
  };
}

type Arrived = () => Promise<{ parsed: ParsedMail; raw: string }[]>;

async function smtp(): Promise<{ mailer: Mailer; arrived: Arrived }> {
  const inbox = await smtpInbox();
  cleanups.push(inbox.close);
  const mailer = createMailer({ smtpUrl: inbox.url, outboxDir: '/nonexistent', from: FROM });
  return {
    mailer,
    arrived: async () => inbox.mails.map(({ parsed, raw }) => ({ parsed, raw: raw.toString() })),
  };
}

async function outbox(): Promise<{ mailer: Mailer; arrived: Arrived; folder: string }> {
  const parent = await mkdtemp(join(tmpdir(), 'picket-outbox-'));
  cleanups.push(() => rm(parent, { recursive: true }));
  const folder = join(parent, 'outbox');
  const arrived = async () => {
    const raws = (await readdir(folder)).map((name) => readFile(join(folder, name)));
    return Promise.all(
      raws.map(async (raw) => ({ parsed: await simpleParser(await raw), raw: `${await raw}` })),
    );
  };
  return { mailer: createMailer({ outboxDir: folder, from: FROM }), arrived, folder };
}

describe.each([
  ['smtp', smtp],
  ['outbox', outbox],
])('mailer over %s', (_name, make) => {
  test('a mail arrives whole: both parts, recipients, date and headers', async () => {
    const { mailer, arrived } = await make();
    expect(await mailer.send(mail())).toEqual({ kind: 'taken', refused: [] });
    const [{ parsed, raw } = { parsed: undefined, raw: '' }] = await arrived();
    expect(parsed).toMatchObject({
      subject: mail().subject,
      messageId: mail().messageId,
      date: mail().date,
      text: mail().text,
      html: mail().html,
      from: { text: FROM },
      to: { text: 'ada@example.net, bob@example.net' },
    });
    expect(raw).toMatch(/^Content-Type: multipart\/alternative;/m);
    expect(raw).toMatch(/^Auto-Submitted: auto-generated\r$/m);
    expect(raw).toMatch(/^List-ID: "Picket prod" <0190\.picket\.example\.net>\r$/im);
  });

  test('no value can add a header, a recipient or a line of its own', async () => {
    const { mailer, arrived } = await make();
    const evil = 'x\r\nBcc: eve@evil.example\r\nX-Forged: yes\r\n\r\nbody';
    const plain = mail({ to: ['ada@example.net'] });
    await mailer.send({ ...plain, subject: evil, list: { ...plain.list, name: evil } });
    const [{ parsed } = { parsed: undefined }] = await arrived();
    expect([...(parsed?.headers.keys() ?? [])]).not.toContain('bcc');
    expect([...(parsed?.headers.keys() ?? [])]).not.toContain('x-forged');
    expect(parsed?.text).toBe(plain.text);
  });

  test('a body that names files and URLs is sent as it stands', async () => {
    const { mailer, arrived } = await make();
    await mailer.send(
      mail({ text: 'file:///etc/passwd\n.\nQUIT\n', html: '<img src="file:///etc/passwd">' }),
    );
    const [{ parsed } = { parsed: undefined }] = await arrived();
    expect(parsed?.text).toBe('file:///etc/passwd\n.\nQUIT\n');
  });
});

test('a repeated mail replaces its own file in the outbox, which only its owner may read', async () => {
  const { mailer, arrived, folder } = await outbox();
  await mailer.send(mail({ text: 'first' }));
  await mailer.send(mail({ text: 'second' }));
  const mails = await arrived();
  expect(mails.map(({ parsed }) => parsed.text?.trim())).toEqual(['second']);
  expect(await readdir(folder)).toEqual(['20261123T100000000Z.0190@example.net.eml']);
  expect((await stat(join(folder, '20261123T100000000Z.0190@example.net.eml'))).mode & 0o777).toBe(0o600);
});

test('an outbox that cannot be written is a failed delivery and leaves no half file', async () => {
  const { mailer, folder } = await outbox();
  await writeFile(folder, 'a file where the folder should be');
  expect(await mailer.send(mail())).toMatchObject({
    kind: 'failed',
    reason: expect.stringContaining('EEXIST'),
  });
  await rm(folder);
  await mkdir(join(folder, '20261123T100000000Z.0190@example.net.eml'), { recursive: true });
  expect(await mailer.send(mail())).toMatchObject({ kind: 'failed' });
  expect(await readdir(folder)).toHaveLength(1);
});

test('a refused recipient is named, the others get the mail', async () => {
  const inbox = await smtpInbox({
    onRcptTo: ({ address }, _session, done) =>
      done(address.startsWith('bob') ? Object.assign(new Error('unknown'), { responseCode: 550 }) : null),
  });
  cleanups.push(inbox.close);
  expect(await smtpMailer(inbox.url, FROM).send(mail())).toEqual({
    kind: 'taken',
    refused: ['bob@example.net'],
  });
  expect(inbox.mails.map(({ to }) => to)).toEqual([['ada@example.net']]);
});

test('a server that refuses tells why', async () => {
  const inbox = await smtpInbox({
    onMailFrom: (_address, _session, done) =>
      done(Object.assign(new Error('greylisted, try again'), { responseCode: 451 })),
  });
  cleanups.push(inbox.close);
  expect(await smtpMailer(inbox.url, FROM).send(mail())).toEqual({
    kind: 'failed',
    reason: expect.stringContaining('451 greylisted, try again'),
  });
});

test('a server that never answers is given up within the limits', async () => {
  const inbox = await smtpInbox({ onConnect: () => {} });
  cleanups.push(inbox.close);
  const limits = { connectMs: 5_000, greetingMs: 5_000, idleMs: 5_000, totalMs: 150 };
  expect(await smtpMailer(inbox.url, FROM, limits).send(mail())).toEqual({
    kind: 'failed',
    reason: 'no end after 150 ms',
  });
  expect(
    await smtpMailer(inbox.url, FROM, { ...limits, greetingMs: 100, totalMs: 5_000 }).send(mail()),
  ).toEqual({
    kind: 'failed',
    reason: expect.stringContaining('Greeting never received'),
  });
});

test('a server that is not there is a failed delivery', async () => {
  const inbox = await smtpInbox();
  await inbox.close();
  expect(await smtpMailer(inbox.url, FROM).send(mail())).toMatchObject({
    kind: 'failed',
    reason: expect.stringContaining('ECONNREFUSED'),
  });
});

test('an SMTP URL that is none is refused without telling its password', () => {
  for (const smtpUrl of ['mail.example.net', 'http://u:secret@mail.example.net', 'smtp:', '']) {
    const make = () => createMailer({ smtpUrl, outboxDir: '/nonexistent', from: FROM });
    expect(make).toThrow(expect.objectContaining({ code: 'mail_config' }));
    expect(make).not.toThrow(/secret/);
  }
});
