import { type Cidr, parseAddress, parseCidr, parseSource } from '@picket/protocol';
import { z } from 'zod';
import { shellSafe } from '../routes/downloads.ts';

/** A value, or what would have been allowed. `shown` stands for a text that holds a password. */
export type Checked<T> = { ok: true; value: T } | { ok: false; allowed: string; shown?: string };

/** Reads one variable. */
export type Check<T> = (text: string) => Checked<T>;

/** `host:port`: an address, a name, or an IPv6 address in brackets. Port 0 lets the system choose. */
export const checkListen: Check<{ host: string; port: number }> = (text) => {
  const match = /^(?:\[([0-9a-f:.]+)\]|([\w.-]+)):(\d{1,5})$/i.exec(text);
  const host = match?.[1] ?? match?.[2] ?? '';
  const port = Number(match?.[3]);
  const isHost = match?.[1] === undefined ? host !== '' : parseAddress(host) !== undefined;
  if (match !== null && isHost && port <= 65_535) return { ok: true, value: { host, port } };
  return { ok: false, allowed: 'must be ADDRESS:PORT, as 0.0.0.0:8440 or [::1]:8440' };
};

/**
 * An http or https URL of letters, digits and `:/._-[]` only: it goes into the installer, which root runs on every
 * host, and no character of it may mean something to a shell.
 */
export const checkPublicUrl: Check<string> = (text) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const value = text.replace(/\/+$/, '');
  const isPlain =
    url !== undefined && /^https?:$/.test(url.protocol) && url.href.replace(/\/+$/, '') === value;
  if (isPlain && isShellSafe(value)) return { ok: true, value };
  return {
    ok: false,
    allowed: 'must be an http:// or https:// URL without user, query or unusual characters',
    shown: masked(text),
  };
};

function isShellSafe(value: string): boolean {
  try {
    return shellSafe(value) === value;
  } catch {
    return false;
  }
}

/** A URL of PostgreSQL; whether it works shows when it is opened. */
export const checkDatabaseUrl: Check<string> = (text) => checkScheme(text, ['postgres:', 'postgresql:']);

/** A URL of a mail server. */
export const checkSmtpUrl: Check<string> = (text) => checkScheme(text, ['smtp:', 'smtps:']);

function checkScheme(text: string, schemes: readonly string[]): Checked<string> {
  if (URL.canParse(text) && schemes.includes(new URL(text).protocol)) return { ok: true, value: text };
  const allowed = `must be a URL that begins with ${schemes.map((scheme) => `${scheme}//`).join(' or ')}`;
  return { ok: false, allowed, shown: masked(text) };
}

/** A text with what may be a password in it taken out: problems go to logs. */
function masked(text: string): string {
  return text.replace(/\/\/[^/]*@/, '//***@').replace(/\?.*/, '?***');
}

/** A mail address; names without a dot are machines of one's own network. */
export const checkAddress: Check<string> = (text) => {
  const isAddress = z.email({
    pattern: /^[^\s@<>",;:\\()[\]]{1,64}@[a-z0-9](?:[a-z0-9.-]{0,252}[a-z0-9])?$/i,
  });
  if (isAddress.safeParse(text).success) return { ok: true, value: text };
  return { ok: false, allowed: 'must be a mail address, as picket@example.org' };
};

/** Addresses and networks, separated by commas; `none` for none. */
export const checkNetworks: Check<readonly Cidr[]> = (text) => {
  const parts = text === 'none' ? [] : text.split(',').map((part) => part.trim());
  const networks = parts.map((part) => parseSource(part));
  const wrong = parts.find((_, at) => networks[at] === undefined);
  if (wrong === undefined) return { ok: true, value: networks.filter((network) => network !== undefined) };
  const parsed = parseCidr(wrong);
  const why = !parsed.ok && wrong.includes('/') ? ` (${parsed.reason})` : '';
  return { ok: false, allowed: `must be addresses or networks separated by commas, or none${why}` };
};

/** One of a few words. */
export function checkWord<T extends string>(words: readonly T[]): Check<T> {
  return (text) => {
    const value = words.find((word) => word === text);
    if (value !== undefined) return { ok: true, value };
    return { ok: false, allowed: `must be one of ${words.join(', ')}` };
  };
}
