import { describe, expect, it } from 'vitest';
import { examine, exitStatus } from './examine.ts';
import { AREAS, findings } from './finding.ts';
import { findingJson, findingLines } from './render.ts';

const { ok, note, wrong } = findings('firewall');

describe('an examination', () => {
  it('makes the checks in the order in which they are read, one after the other', async () => {
    const begun: string[] = [];
    const checks = Object.fromEntries(
      [...AREAS].reverse().map((area) => [
        area,
        async () => {
          begun.push(area);
          return [findings(area).ok('fine')];
        },
      ]),
    );
    expect((await examine(checks)).map(({ area }) => area)).toEqual(AREAS);
    expect(begun).toEqual(AREAS);
  });

  it('tells of a check that fails or hangs, and goes on', async () => {
    const found = await examine(
      {
        state: () => Promise.reject(new Error('EIO')),
        hook: () => new Promise(() => {}),
        software: async () => [findings('software').ok('none')],
      },
      20,
    );
    expect(found.map(({ area, grade, what }) => [area, grade, what])).toEqual([
      ['state', 'wrong', 'this could not be looked at: EIO'],
      ['hook', 'wrong', 'this could not be looked at: no end after 0.02 s'],
      ['software', 'ok', 'none'],
    ]);
  });

  it('ends with status 1 when something is wrong, and with 0 for notes', () => {
    expect(exitStatus([ok('x'), note('y')])).toBe(0);
    expect(exitStatus([ok('x'), wrong('y', 'z')])).toBe(1);
  });
});

describe('findings for people', () => {
  it('have a line each, and what is to be done below', () => {
    expect(findingLines([ok('nftables works'), wrong('two\nlines', 'mend it'), note('n')])).toEqual([
      'ok     firewall   nftables works',
      'WRONG  firewall   two\n                  lines',
      '                  -> mend it',
      'note   firewall   n',
      '',
      '1 of 3 things are wrong; 1 notes.',
    ]);
  });

  it('do not let another program steer the terminal', () => {
    expect(findingLines([ok('nft says \x1b[2J')])[0]).toBe('ok     firewall   nft says \\x1b[2J');
  });

  it('are JSON for programs', () => {
    expect(JSON.parse(findingJson([wrong('a', 'b')]))).toEqual({
      isWell: false,
      findings: [{ area: 'firewall', grade: 'wrong', what: 'a', todo: 'b' }],
    });
  });
});
