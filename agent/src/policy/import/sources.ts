import { type Address, contains, parseAddress, parseCidr } from '@picket/protocol';
import { sourceNameSchema } from '../sources.ts';
import { linesOf, type Origin, type Remark, type TextFile } from './lines.ts';
import type { Piece } from './piece.ts';
import { cite, tomlString } from './words.ts';

/** `policy.allow.sources` holds no more. */
const MOST_SOURCES = 1_000;

/** Entries that stand in every portsentry.ignore and that Picket's never-block rules hold anyway. */
const ALWAYS = ['127.0.0.0/8', '::1/128', '0.0.0.0/32', '::/128'];

/** An entry of portsentry.ignore that is kept, or why it is not. */
type Entry = { source: string; why: string[] } | { superfluous: string } | { unread: string };

/** The allow list, from portsentry.ignore and portsentry.ignore.static. `own` are this host's addresses. */
export function allowPiece(files: readonly TextFile[], own: readonly Address[]): Piece {
  const [kept, remarks]: [Map<string, string[]>, Remark[]] = [new Map(), []];
  for (const at of files.flatMap(linesOf)) {
    const entry = entryOf(at, own);
    if ('unread' in entry) remarks.push({ kind: 'unread', at, words: entry.unread });
    else if ('superfluous' in entry) remarks.push({ kind: 'gone', at, words: entry.superfluous });
    else if (kept.size < MOST_SOURCES || kept.has(entry.source))
      kept.set(entry.source, kept.get(entry.source) ?? entry.why);
    else
      remarks.push({
        kind: 'unread',
        at,
        words: `more than ${MOST_SOURCES} entries; join them into networks`,
      });
  }
  if (kept.size === 0) return { lines: [], remarks };
  const items = [...kept].flatMap(([source, why]) => [
    ...why.map((words) => `  # ${words}`),
    `  ${tomlString(source)},`,
  ]);
  return {
    lines: [{ section: 'allow', key: 'sources', value: ['[', ...items, ']'].join('\n'), why: [] }],
    remarks,
  };
}

function entryOf(at: Origin, own: readonly Address[]): Entry {
  const text = at.text.replace(/\s*#.*$/, '');
  const source = networkOf(text);
  if (source === undefined) {
    const name = sourceNameSchema.safeParse(text);
    return name.success && name.data.kind === 'name'
      ? { source: name.data.name, why: [cite(at), 'A name: Picket looks it up again and again.'] }
      : { unread: 'no address, no network and no host name' };
  }
  if (ALWAYS.some((cidr) => contains(cidr, source))) return { superfluous: 'never blocked in any case' };
  if (own.some((address) => contains(address, source)))
    return { superfluous: 'an address of this host, which is never blocked' };
  const everyone = source.endsWith('/0') ? ['This allows everyone of its family: nothing is detected.'] : [];
  const corrected =
    text === source || `${text}/32` === source || `${text}/128` === source
      ? []
      : ['Written as the network that it names.'];
  return { source, why: [cite(at), ...corrected, ...everyone] };
}

/** The network of `address`, `address/bits` or `address/dotted mask`, host bits cleared; undefined when it is none. */
function networkOf(text: string): string | undefined {
  const [, address = '', mask = ''] = /^([0-9a-fA-F:.]+)\s*(?:\/\s*(\S+))?$/.exec(text) ?? [];
  const bits = parseAddress(mask) !== undefined && mask.includes('.') ? bitsOf(mask) : mask;
  if (bits === undefined) return undefined;
  const canonical = text.includes('/') ? `${address}/${bits}` : address;
  const parsed = parseCidr(canonical);
  if (parsed.ok) return parsed.cidr;
  return /did you mean (\S+)\?$/.exec(parsed.reason)?.[1];
}

function bitsOf(mask: string): string | undefined {
  const binary = mask
    .split('.')
    .map((octet) => Number(octet).toString(2).padStart(8, '0'))
    .join('');
  return /^1*0*$/.test(binary) ? String(binary.indexOf('0') === -1 ? 32 : binary.indexOf('0')) : undefined;
}
