import type { Mail } from '../mail/mailer.ts';
import { foreign } from './foreign.ts';

/** Domain of a mail address, plain or with a name before it. */
function domainOf(from: string): string {
  return /@([A-Za-z0-9.-]+)>?\s*$/.exec(from)?.[1] ?? 'localhost';
}

/** Message-ID of the digest of an hour: made of that alone, so that a repeated mail can be told by it. */
export function messageIdOf(networkId: string, hourMs: number, from: string): string {
  const hour = new Date(hourMs).toISOString().replace(/[^\dTZ]/g, '');
  return `<${hour}.${networkId}@${domainOf(from)}>`;
}

/** List of a network (RFC 2919), by which readers sort its mails. */
export function listOf(networkId: string, name: string, from: string): Mail['list'] {
  return { id: `${networkId}.picket.${domainOf(from)}`, name: `Picket ${foreign(name, 40)}` };
}
