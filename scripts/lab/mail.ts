import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { simpleParser } from 'mailparser';
import type { Lab } from './lab.ts';

/** A mail that came. */
export type Mail = { raw: string; subject: string; to: string; text: string; html: string };

/** The lab's mail server. */
export type MailServer = {
  /** Where the collector reaches it: on its own loopback. */
  url: string;
  /** All mails that came, oldest first. */
  mails: () => Promise<Mail[]>;
};

const PORT = 2525;

/** Time for the server to bind its port, ms: it is TypeScript run from source. */
const LISTEN_MS = 20_000;

/** Starts a mail server on the collector's loopback. */
export async function startMailServer(lab: Lab): Promise<MailServer> {
  const folder = join(lab.folder, 'mails');
  await mkdir(folder);
  const script = join(import.meta.dirname, 'smtp-sink.ts');
  const argv = [process.execPath, '--import', 'tsx', script, `${PORT}`, folder];
  const server = lab.spawn('collector', 'smtp', argv, { cwd: resolve(import.meta.dirname, '../..') });
  await server.printed(/listening/, LISTEN_MS);
  return { url: `smtp://127.0.0.1:${PORT}`, mails: () => readMails(folder) };
}

async function readMails(folder: string): Promise<Mail[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.eml'));
  names.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  return Promise.all(names.map(async (name) => parseMail(await readFile(join(folder, name), 'utf8'))));
}

async function parseMail(raw: string): Promise<Mail> {
  const { subject = '', to, text = '', html } = await simpleParser(raw);
  const recipients = [to ?? []].flat().map((group) => group.text);
  return { raw, subject, to: recipients.join(', '), text, html: html || '' };
}
