import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Denied, rewrite, type Style, takeApart } from './hosts-deny-lines.ts';

const STYLE: Style = { daemons: 'ALL', needsDeny: false };
const UNTIL = Date.parse('2026-11-24T13:00:00Z');
const MARK = '# picket local until 2026-11-24T13:00:00.000Z\n';

const denied = (...sources: string[]): Denied[] =>
  sources.map((source) => ({ source, untilMs: UNTIL, origin: 'local' }));

describe('lines of TCP wrappers', () => {
  it.each([
    ['198.51.100.7', 'ALL: 198.51.100.7'],
    ['198.51.96.0/19', 'ALL: 198.51.96.0/255.255.224.0'],
    ['2001:db8:66::/64', 'ALL: [2001:db8:66::]/64'],
    ['2001:db8:1::99', 'ALL: [2001:db8:1::99]/128'],
  ])('refuse %s as every system writes it', (source, line) => {
    expect(rewrite('', denied(source), STYLE)).toBe(`${MARK}${line}\n`);
  });

  it("end in deny where the file is FreeBSD's hosts.allow", () => {
    const text = rewrite('ALL : ALL : allow\n', denied('2001:db8:66::/64'), {
      daemons: 'sshd, ftpd',
      needsDeny: true,
    });
    expect(text).toBe(`${MARK}sshd, ftpd: [2001:db8:66::]/64 : deny\nALL : ALL : allow\n`);
  });

  it('stay where they were moved to', () => {
    const text = `sshd: 10.0.0.1 : allow\n${MARK}ALL: 198.51.100.7\nALL: ALL\n`;
    expect(rewrite(text, denied('198.51.100.9'), STYLE)).toBe(
      `sshd: 10.0.0.1 : allow\n${MARK}ALL: 198.51.100.9\nALL: ALL\n`,
    );
  });

  it('do not stay below a line that goes on', () => {
    const text = `ALL: 10.0.0.1 \\\n${MARK}ALL: 198.51.100.7\n 10.0.0.2\n`;
    expect(rewrite(text, denied('198.51.100.7'), STYLE)).toBe(
      `${MARK}ALL: 198.51.100.7\nALL: 10.0.0.1 \\\n 10.0.0.2\n`,
    );
  });

  it('belong to others without a marker, and when more was added to them', () => {
    const others = 'ALL: 198.51.100.7\n';
    expect(rewrite(others, [], STYLE)).toBe(others);
    expect(rewrite(`${MARK}ALL: 198.51.100.7 : spawn /x\n`, [], STYLE)).toBe(
      'ALL: 198.51.100.7 : spawn /x\n',
    );
  });

  it('go with the file when there was none before', () => {
    const text = rewrite(undefined, denied('198.51.100.7'), STYLE);
    expect(text).toMatch(/^# picket made this file\n# picket local/);
    expect(rewrite(text, [], STYLE)).toBeUndefined();
    expect(rewrite(`${text}ALL: 10.0.0.1\n`, [], STYLE)).toBe('ALL: 10.0.0.1\n');
    expect(rewrite('', [], STYLE)).toBe('');
  });

  it('are known again with CR LF, and without the last newline', () => {
    const { ours, foreign } = takeApart(
      `${MARK.replace('\n', '\r\n')}ALL: [2001:db8:66::]/64\r\n${MARK}sshd: 198.51.96.0/255.255.224.0`,
    );
    expect([ours, foreign]).toEqual([denied('2001:db8:66::/64', '198.51.96.0/19'), '']);
  });
});

const byte = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));
/** What others may have in the file: anything, and what looks nearly like ours. */
const foreignLine = fc
  .oneof(
    fc.array(byte, { maxLength: 30 }).map((bytes) => bytes.join('').replaceAll('\n', ' ')),
    fc.constantFrom('ALL: 198.51.100.7', '# picket', '#picket local until x', 'ALL: 10.0.0.1 \\', '\r', ''),
  )
  .filter((line) => !/^# picket (?:local|network) until \S{1,40}\r?$/.test(line));
const foreignText = fc.tuple(fc.array(foreignLine, { maxLength: 12 }), fc.boolean()).map(([lines, isWhole]) =>
  lines
    .map((line) => `${line}\n`)
    .join('')
    .slice(0, isWhole ? undefined : -1),
);
const source = fc.oneof(
  fc.ipV4(),
  fc.nat(65_535).map((n) => `2001:db8:${n === 0 ? '0' : n.toString(16)}:1::/64`),
  fc.nat(255).map((n) => `10.${n}.0.0/16`),
);
const block = fc.record({
  source,
  untilMs: fc.integer({ min: 0, max: 4_102_444_800_000 }),
  origin: fc.constantFrom('local' as const, 'network' as const),
});
const blocks = fc.uniqueArray(block, { selector: (one) => one.source, maxLength: 8 });
const style = fc.record({
  daemons: fc.constantFrom('ALL', 'sshd, in.ftpd', 'sshd@192.0.2.1'),
  needsDeny: fc.boolean(),
});

describe('whatever the file holds and whatever is blocked', () => {
  it('the same twice is the same as once, and without blocks the file is as it was', () => {
    fc.assert(
      fc.property(foreignText, blocks, style, (text, all, how) => {
        const once = rewrite(text, all, how);
        expect(rewrite(once, all, how)).toBe(once);
        expect(rewrite(once, [], how)).toBe(text);
      }),
    );
  });

  it('what is ours is read again, and the rest is what others wrote', () => {
    fc.assert(
      fc.property(foreignText, blocks, blocks, style, (text, before, after, how) => {
        const parts = takeApart(rewrite(rewrite(text, before, how), after, how) ?? '');
        expect([parts.ours, parts.foreign]).toEqual([after, text]);
      }),
    );
  });

  it('lines of others between ours stay in their order', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(foreignLine, block), { maxLength: 8 }),
        blocks,
        style,
        (mixed, after, how) => {
          const foreign = mixed.map(([line]) => `${line}\n`).join('');
          const text = mixed.map(([line, one]) => `${line}\n${rewrite('', [one], how)}`).join('');
          expect(takeApart(rewrite(text, after, how) ?? '').foreign).toBe(foreign);
        },
      ),
    );
  });
});
