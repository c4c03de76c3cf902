import { PATTERNS_FOLDER } from '../needs.ts';
import type { Remark, Setting } from './lines.ts';
import type { Piece, PolicyLine } from './piece.ts';
import { cite, tomlString } from './words.ts';

/** What `policy.hosts_deny.daemons` takes. */
const DAEMONS = /^[\w.@, -]{1,200}$/;

/** The file that the service may write (`policy/needs.ts`). */
const PATTERNS_FILE = `${PATTERNS_FOLDER}/list`;

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
        'blocks go to a file of patterns, which the installer names in the file of TCP wrappers, and end there in time',
    },
  ];
  return { lines: linesOf(value, cite(at)), remarks };
}

function linesOf(daemons: string, why: string): PolicyLine[] {
  const line = (key: string, value: string, because: string): PolicyLine => ({
    ...{ section: 'hosts_deny', key, value },
    why: [because],
  });
  return [
    line('daemons', daemons, why),
    line(
      'patterns',
      'true',
      'The service may not write the file of TCP wrappers itself, only one that it names.',
    ),
    line('file', tomlString(PATTERNS_FILE), 'The installer makes it, and names it there.'),
  ];
}
