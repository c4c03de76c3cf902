import type { Remark, Setting } from './lines.ts';
import type { Piece } from './piece.ts';
import { cite, tomlString } from './words.ts';

/** What `policy.hosts_deny.daemons` takes. */
const DAEMONS = /^[\w.@, -]{1,200}$/;

/** KILL_HOSTS_DENY, a line `daemons : $TARGET$ [: option …]` for TCP wrappers (hosts_access(5), hosts_options(5)). */
export function wrappersOf(at: Setting | undefined): Piece {
  if (at === undefined) return { lines: [], remarks: [] };
  const left = (kind: Remark['kind'], words: string): Piece => ({
    lines: [],
    remarks: [{ kind, at, words }],
  });
  if (!at.value.includes('$TARGET$')) return left('gone', 'without $TARGET$ PortSentry never wrote it');
  const [, daemons = '', rest = ''] = /^([^:$]*):(.*)$/.exec(at.value) ?? [];
  const [clients = '', ...options] = rest
    .replaceAll('\\:', '')
    .split(':')
    .map((part) => part.trim());
  if (!DAEMONS.test(daemons.trim()) || !/^\[?\$TARGET\$\]?$/.test(clients))
    return left('unread', 'no line "daemons : $TARGET$" for TCP wrappers');
  const value = tomlString(daemons.trim());
  const odd = options.filter((option) => option !== '' && !/^deny$/i.test(option));
  const remarks: Remark[] = [
    ...(odd.length > 0
      ? [{ kind: 'different' as const, at, words: 'options but DENY are left out: Picket writes none' }]
      : []),
    {
      kind: 'different',
      at,
      words:
        'the lines end with their blocks, and need the right to replace the file: the installer gives it',
    },
  ];
  return { lines: [{ section: 'hosts_deny', key: 'daemons', value, why: [cite(at)] }], remarks };
}
