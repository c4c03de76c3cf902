import { type Address, parseAddress } from '@picket/protocol';

/** Where a session comes from, as a system tells it: an address, or a name that is still to be resolved. */
export type SessionHost =
  | { readonly kind: 'address'; readonly address: Address }
  | { readonly kind: 'name'; readonly name: string };

/** A name as DNS has it (RFC 1123 section 2.1); with a dot, so that words of programs (`tmux`, `console`) are none. */
const NAME =
  /^(?=.{4,253}$)(?=.*[a-z])(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.?$/i;

/**
 * Reads what a system calls the remote host of a session. With sshd's `UseDNS` it is a name of the other side's own
 * choosing, so anything that is neither an address nor a plain name is nothing.
 */
export function sessionHost(text: string): SessionHost | undefined {
  // mosh tells `192.0.2.1 via mosh [1234]`; a link-local address has its interface behind it.
  const [word = ''] = text.slice(0, 300).trim().split(/\s/);
  const address = parseAddress(word.split('%')[0] ?? '');
  if (address !== undefined) return { kind: 'address', address };
  return NAME.test(word) ? { kind: 'name', name: word.toLowerCase().replace(/\.$/, '') } : undefined;
}
