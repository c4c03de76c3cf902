import { z } from 'zod';
import { MAX_PORT_RANGES } from './limits.ts';

/** Inclusive range of ports, `[from, to]`. */
export type PortRange = [number, number];

const portSchema = z.int().min(0).max(65_535);

/** Ports on the wire: ascending ranges that neither touch nor overlap, so that equal sets are equal values. */
export const portRangesSchema = z
  .array(z.tuple([portSchema, portSchema]))
  .max(MAX_PORT_RANGES)
  .refine(
    (ranges) => ranges.every(([from, to], i) => from <= to && from > (ranges[i - 1]?.[1] ?? -2) + 1),
    'must be ascending ranges that do not touch',
  );

/**
 * The smallest ascending list of ranges that holds the ports.
 *
 * @param most longest list to return; the highest ranges beyond it are left out
 */
export function portRanges(ports: Iterable<number>, most = MAX_PORT_RANGES): PortRange[] {
  const ranges: [number, number][] = [];
  for (const port of [...new Set(ports)].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === port - 1) last[1] = port;
    else ranges.push([port, port]);
  }
  return ranges.slice(0, most);
}

/** Ranges as people write them: `22,80-82`. */
export function formatPortRanges(ranges: readonly PortRange[]): string {
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(',');
}

/**
 * Ranges from what people write: `22,80-82`; undefined when the text is no port list. It costs what the text is long:
 * texts of all ports come from outside too.
 */
export function parsePortRanges(text: string): PortRange[] | undefined {
  const ranges: PortRange[] = [];
  for (const part of text.split(',')) {
    const match = /^\s*(\d{1,5})(?:-(\d{1,5}))?\s*$/.exec(part);
    if (match === null) return undefined;
    const [from, to] = [Number(match[1]), Number(match[2] ?? match[1])];
    if (from > to || to > 65_535) return undefined;
    ranges.push([from, to]);
  }
  return mergePortRanges([ranges], Number.POSITIVE_INFINITY);
}

/** Union of several lists of ranges, canonical. */
export function mergePortRanges(
  lists: readonly (readonly PortRange[])[],
  most = MAX_PORT_RANGES,
): PortRange[] {
  const merged: [number, number][] = [];
  for (const [from, to] of lists.flat().sort((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged.slice(0, most);
}
