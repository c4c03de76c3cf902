import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePolicy } from './load.ts';
import { type AuthorisedScanner, DAYS, isAuthorised, sourceNameSchema } from './sources.ts';

/** A scanner as a policy has it. */
function scanner(lines = ''): AuthorisedScanner {
  const [first] = parsePolicy(`[[scanner]]\nsources = ["192.0.2.1"]\n${lines}`, 'x').scanner;
  if (first === undefined) throw new Error('no scanner');
  return first;
}

/** Tuesday, 24 November 2026, in the host's time zone. */
const tuesday = (hour: number, minute = 0) => new Date(2026, 10, 24, hour, minute);
const onDay = (date: number, hour: number, minute = 0) => new Date(2026, 10, date, hour, minute);

describe('isAuthorised', () => {
  it('is at all times without limits', () => {
    expect(isAuthorised(scanner(), new Date(0))).toBe(true);
  });

  it('is from one moment, and until just before another, wherever the host is', () => {
    const limited = scanner('from = 2026-11-24T22:00:00+01:00\nuntil = 2026-11-24T23:00:00Z');
    const at = (time: string) => isAuthorised(limited, new Date(time));
    expect([at('2026-11-24T20:59:59.999Z'), at('2026-11-24T21:00:00Z')]).toEqual([false, true]);
    expect([at('2026-11-24T22:59:59.999Z'), at('2026-11-24T23:00:00Z')]).toEqual([true, false]);
  });

  it('is at hours of the day, the last minute excluded', () => {
    const nine = scanner('hours = "09:00-17:30"');
    const at = (hour: number, minute: number) => isAuthorised(nine, tuesday(hour, minute));
    expect([at(8, 59), at(9, 0), at(17, 29), at(17, 30)]).toEqual([false, true, true, false]);
  });

  it('is over midnight', () => {
    const night = scanner('hours = "22:00-04:00"');
    const at = (hour: number, minute: number) => isAuthorised(night, tuesday(hour, minute));
    expect([at(21, 59), at(22, 0), at(0, 0), at(3, 59), at(4, 0), at(12, 0)]).toEqual([
      false,
      true,
      true,
      true,
      false,
      false,
    ]);
  });

  it('is after midnight on the day on which the span began', () => {
    const night = scanner('hours = "22:00-04:00"\ndays = ["tue"]');
    expect(isAuthorised(night, onDay(24, 23))).toBe(true);
    expect(isAuthorised(night, onDay(25, 3))).toBe(true);
    expect(isAuthorised(night, onDay(24, 3))).toBe(false);
    expect(isAuthorised(night, onDay(25, 23))).toBe(false);
  });

  it('begins a week that ends on Sunday night', () => {
    const night = scanner('hours = "23:00-01:00"\ndays = ["sat"]');
    expect([isAuthorised(night, onDay(28, 23)), isAuthorised(night, onDay(29, 0, 30))]).toEqual([true, true]);
  });

  it('is until the end of the day with 24:00', () => {
    const late = scanner('hours = "20:00-24:00"');
    expect([isAuthorised(late, tuesday(23, 59)), isAuthorised(late, onDay(25, 0))]).toEqual([true, false]);
  });

  it('needs all limits to hold', () => {
    const all = scanner('from = 2030-01-01T00:00:00Z\nhours = "00:00-24:00"\ndays = ["tue"]');
    expect(isAuthorised(all, tuesday(12))).toBe(false);
  });

  it('is either in a span or in its complement, at any minute', () => {
    const time = fc
      .nat(1_439)
      .map((m) => [Math.floor(m / 60), m % 60].map((n) => String(n).padStart(2, '0')).join(':'));
    fc.assert(
      fc.property(time, time, fc.nat(20_000), (from, until, minutes) => {
        fc.pre(from !== until);
        const at = new Date(2026, 0, 1, 0, minutes);
        const [inside, outside] = [
          scanner(`hours = "${from}-${until}"`),
          scanner(`hours = "${until}-${from}"`),
        ];
        expect(isAuthorised(inside, at)).toBe(!isAuthorised(outside, at));
      }),
    );
  });
});

it.each(['from = 2026-11-24', 'from = 2026-11-24T22:00:00', 'until = 07:00:00', 'from = 1790000000'])(
  'a moment that is none is refused: %s',
  (line) => {
    expect(() => scanner(line)).toThrow('must be a date-time with offset like 2026-11-24T22:00:00Z');
  },
);

it.each(['22:00', '22:00-22:00', '9:00-10:00', '22:00-24:01', '24:00-01:00', '22:60-23:00', ' 22:00-23:00'])(
  'hours that are none are refused: "%s"',
  (hours) => {
    expect(() => scanner(`hours = "${hours}"`)).toThrow('must be hours of the day');
  },
);

it('has the days in the order of Date.getDay', () => {
  expect(DAYS[tuesday(1).getDay()]).toBe('tue');
});

describe('a source', () => {
  it.each([
    ['192.0.2.1', { kind: 'cidr', cidr: '192.0.2.1/32' }],
    ['2001:DB8::/32', { kind: 'cidr', cidr: '2001:db8::/32' }],
    ['Scan.Example.org', { kind: 'name', name: 'scan.example.org' }],
    ['localhost', { kind: 'name', name: 'localhost' }],
    ['_x.example.org', { kind: 'name', name: '_x.example.org' }],
  ])('is read: %s', (text, source) => {
    expect(sourceNameSchema.parse(text)).toEqual(source);
  });

  it.each([
    '',
    '192.0.2',
    '192.0.2.256',
    '1.2.3.4/33',
    '192.0.2.1/24',
    '-x.org',
    'a..b',
    'a b',
    `${'a'.repeat(64)}.org`,
  ])('is refused: "%s"', (text) => {
    expect(sourceNameSchema.safeParse(text).success).toBe(false);
  });
});
