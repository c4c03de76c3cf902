import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Change, changeReader } from './events.ts';

/** As `nft monitor` of nft 1.0.6 printed it (Linux 6.18). */
const RECORDED: readonly [what: string, text: string, changes: Change[]][] = [
  [
    'an element of a block that was deleted',
    'delete element inet picket held4 { 192.0.2.2 counter packets 0 bytes 0 timeout 1m expires 59s996ms }\n# new generation 6 by process 21670 (nft)\n',
    [{ pid: 21670 }],
  ],
  [
    'an element that was added beside ours',
    'add element inet picket held4 { 192.0.2.1 counter packets 0 bytes 0 timeout 2s expires 2s }\n# new generation 4 by process 21668 (nft)\n',
    [],
  ],
  [
    'a flushed table',
    'delete rule inet picket drop_all handle 27\ndelete rule inet picket drop_new handle 36\n# new generation 11100 by process 10367 (nft)\n',
    [{ pid: 10367 }],
  ],
  [
    'a deleted table',
    'delete table inet picket\n# new generation 7 by process 8 (iptables-nft)\n',
    [{ pid: 8 }],
  ],
  [
    'a table that was put to sleep',
    'add table inet picket { flags dormant; }\n# new generation 7 by process 8 (nft)\n',
    [{ pid: 8 }],
  ],
  [
    'another table',
    'delete rule inet picket2 drop_all handle 3\n# new generation 9 by process 9 (nft)\n',
    [],
  ],
  ['another table of our name', 'delete table ip picket\n# new generation 9 by process 9 (nft)\n', []],
  [
    'evidence that was emptied to make room',
    'delete element inet picket seen4 { 192.0.2.1 . tcp . 1 . 203.0.113.1 }\n# new generation 9 by process 9 (nft)\n',
    [],
  ],
  [
    'a shared network that was deleted',
    'delete element inet picket shared_held4_24 { 192.0.2.0 timeout 1h expires 59m }\n# new generation 9 by process 9 (nft)\n',
    [{ pid: 9 }],
  ],
  ['news that were lost', '# ERROR: We lost some netlink events!\n', [{ pid: undefined }]],
];

const read = (chunks: readonly string[]): Change[] => {
  const found: Change[] = [];
  const take = changeReader((change) => found.push(change));
  for (const chunk of chunks) take(chunk);
  return found;
};

describe('the reader of news', () => {
  it.each(RECORDED)('reads %s', (_what, text, changes) => {
    expect(read([text])).toEqual(changes);
  });

  it('reads the same however the text is cut', () => {
    const text = RECORDED.map(([, each]) => each).join('');
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: text.length })), (cuts) => {
        const places = [0, ...cuts.sort((a, b) => a - b), text.length];
        const chunks = places.slice(1).map((to, i) => text.slice(places[i], to));
        expect(read(chunks)).toEqual(read([text]));
      }),
    );
  });

  it('takes any text without a word', () => {
    fc.assert(fc.property(fc.array(fc.string()), (chunks) => void read(chunks)));
  });
});
