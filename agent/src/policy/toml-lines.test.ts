import fc from 'fast-check';
import { stringify } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { lineOf } from './toml-lines.ts';

const DOCUMENT = `# a comment with [brackets] and = signs
top = """
[not.a.table]
x = 1
"""
'quoted key'.inner = 2
dotted . "part" = [
  1, # one
  "two ] #",
  { a = 3, b.c = [
    4 ] },
]
[table.sub] # the end
when = 2026-11-24 22:00:00Z
after = 5

[[list]]
name = '''
[[list]]'''
[list.deep]
x = 6
[[list]]
name = "b"
[[list.nested]]
y = 7
[[list.nested]]
y = 8
`;

describe('lineOf', () => {
  it.each([
    [['top'], 2],
    [['quoted key', 'inner'], 6],
    [['dotted'], 7],
    [['dotted', 'part', 0], 8],
    [['dotted', 'part', 1], 9],
    [['dotted', 'part', 2, 'a'], 10],
    [['dotted', 'part', 2, 'b', 'c', 0], 11],
    [['table', 'sub'], 13],
    [['table', 'sub', 'when'], 14],
    [['table', 'sub', 'after'], 15],
    [['list', 0], 17],
    [['list', 0, 'name'], 18],
    [['list', 0, 'deep', 'x'], 21],
    [['list', 1], 22],
    [['list', 1, 'name'], 23],
    [['list', 1, 'nested', 0, 'y'], 25],
    [['list', 1, 'nested', 1, 'y'], 27],
    [['list', 1, 'missing'], 22],
    [['missing'], undefined],
  ])('finds %j', (path, line) => {
    expect(lineOf(DOCUMENT, path)).toBe(line);
  });

  it('finds each value of any document, on a line with its key', () => {
    const key = fc.oneof(fc.constantFrom('a', 'b', 'c'), fc.string({ minLength: 1, maxLength: 5 }));
    const leaf = fc.oneof(
      fc.integer(),
      fc.string(),
      fc.boolean(),
      fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }),
    );
    const table = fc.dictionary(
      key,
      fc.oneof(leaf, fc.array(leaf, { maxLength: 3 }), fc.dictionary(key, leaf, { maxKeys: 3 })),
      { maxKeys: 3 },
    );
    const document = fc.dictionary(
      key,
      fc.oneof(leaf, table, fc.array(table, { minLength: 1, maxLength: 3 })),
      { maxKeys: 4 },
    );
    fc.assert(
      fc.property(document, (value) => {
        const text = stringify(value);
        const lines = text.split('\n');
        for (const [name, held] of Object.entries(value)) {
          const line = lineOf(text, [name]);
          // An empty table may be written nowhere.
          if (line === undefined) expect(JSON.stringify(held)).toMatch(/^(\{.*\}|\[.*\])$/);
          else
            expect(lines[line - 1]).toContain(
              /^[\w-]+$/.test(name) ? name : JSON.stringify(name).slice(1, 3),
            );
        }
      }),
    );
  });

  it('has an answer for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'[]{}="\'\\#.,\n ab1'), maxLength: 200 }), (text) => {
        lineOf(text, ['a']);
      }),
    );
  });
});
