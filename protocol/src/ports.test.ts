import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_PORT_RANGES } from './limits.ts';
import {
  formatPortRanges,
  mergePortRanges,
  type PortRange,
  parsePortRanges,
  portRanges,
  portRangesSchema,
} from './ports.ts';

/** Few numbers, so that ports meet and touch; the edges of the range with them. */
const port = fc.oneof(fc.nat(40), fc.constantFrom(65_534, 65_535));
const portList = fc.array(port, { maxLength: 60 });
const expand = (ranges: readonly PortRange[]) =>
  ranges.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, i) => from + i));
const sorted = (ports: readonly number[]) => [...new Set(ports)].sort((a, b) => a - b);

describe('port ranges', () => {
  it('hold exactly the ports they were made of, in canonical form', () => {
    fc.assert(
      fc.property(portList, (ports) => {
        const ranges = portRanges(ports);
        expect(expand(ranges)).toEqual(sorted(ports));
        expect(portRangesSchema.safeParse(ranges).success).toBe(true);
      }),
    );
  });

  it('merge to the union, in canonical form, whatever the order', () => {
    fc.assert(
      fc.property(fc.array(portList, { maxLength: 4 }), (lists) => {
        const ranges = lists.map((ports) => portRanges(ports));
        expect(expand(mergePortRanges(ranges))).toEqual(sorted(lists.flat()));
        expect(mergePortRanges(ranges.toReversed())).toEqual(mergePortRanges(ranges));
        expect(mergePortRanges([mergePortRanges(ranges)])).toEqual(mergePortRanges(ranges));
      }),
    );
  });

  it('merge lists that are not canonical themselves', () => {
    expect(mergePortRanges([[[5, 9]], [[1, 20]], [[3, 4]], [[21, 21]]])).toEqual([[1, 21]]);
  });

  it('leave out the highest ranges when there are too many', () => {
    const every2nd = Array.from({ length: 100 }, (_, i) => i * 2);
    expect(portRanges(every2nd)).toHaveLength(MAX_PORT_RANGES);
    expect(portRanges(every2nd, 3)).toEqual([
      [0, 0],
      [2, 2],
      [4, 4],
    ]);
    expect(mergePortRanges([portRanges(every2nd)], 2)).toHaveLength(2);
  });

  it('read back from the text they are written as', () => {
    fc.assert(
      fc.property(fc.array(port, { minLength: 1 }), (ports) => {
        const ranges = portRanges(ports, Number.POSITIVE_INFINITY);
        expect(parsePortRanges(formatPortRanges(ranges))).toEqual(ranges);
      }),
    );
  });

  it('are read from what people write', () => {
    expect(parsePortRanges(' 22, 80-82 ,81,23')).toEqual([
      [22, 23],
      [80, 82],
    ]);
    expect(parsePortRanges('0-65535')).toEqual([[0, 65_535]]);
  });

  it('are read at the cost of their text, not of the ports in it', () => {
    expect(parsePortRanges(Array(20_000).fill('0-65535').join(','))).toEqual([[0, 65_535]]);
  });

  it.each(['', ',', '22,', '65536', '9-1', '1-2-3', '-5', '5-', '0x10', '1.5', '1e3', '22;23', '１', 'http'])(
    'are refused: "%s"',
    (text) => {
      expect(parsePortRanges(text)).toBeUndefined();
    },
  );
});
