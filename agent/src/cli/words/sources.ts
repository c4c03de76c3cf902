import { formatPortRanges } from '@picket/protocol';
import type { RecentSource } from '../../control/messages.ts';
import { printable } from '../../report/log.ts';
import { shortSpan } from './time.ts';

/** Heading and width of each column; the last one takes what is left. */
const COLUMNS = [
  ['SOURCE', 26],
  ['SEEN', 5],
  ['BLOCK', 6],
  ['REFUSED', 8],
  ['TECHNIQUES', 18],
  ['PORTS', 20],
] as const;

/** The live view's table: most recent sources first, cut to the width. */
export function sourceLines(sources: readonly RecentSource[], nowMs: number, width: number): string[] {
  const rows = sources.map((source) => cellsOf(source, nowMs));
  return [COLUMNS.map(([heading]) => heading), ...rows].map((cells) => line(cells, width));
}

function line(cells: readonly string[], width: number): string {
  const text = cells.map((cell, i) => {
    const [, columns] = COLUMNS[i] ?? ['', 0];
    return i === COLUMNS.length - 1 ? cell : `${cell.slice(0, columns - 1).padEnd(columns)}`;
  });
  return text.join('').slice(0, width).trimEnd();
}

function cellsOf({ source, seen, block }: RecentSource, nowMs: number): string[] {
  const ports = Object.entries(seen?.ports ?? {}).map(
    ([transport, ranges]) => `${transport} ${formatPortRanges(ranges)}`,
  );
  return [
    source,
    seen === undefined ? '-' : shortSpan(nowMs - seen.lastAtMs),
    block === undefined ? '-' : shortSpan(block.untilMs - nowMs),
    block === undefined ? '-' : `${block.packets}`,
    printable(Object.keys(seen?.techniques ?? {}).join(',')) || '-',
    ports.join(' ') || '-',
  ];
}
