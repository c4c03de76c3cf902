import { formatPortRanges, mergePortRanges, type PortRange, parsePortRanges } from '@picket/protocol';
import { IGNORED_TCP_PORTS, IGNORED_UDP_PORTS } from '../classic-ports.ts';
import type { Remark, Setting } from './lines.ts';
import type { Context, Piece, PolicyLine } from './piece.ts';
import { cite, oneLine, tomlString } from './words.ts';

/** PortSentry's advanced modes without a setting: "Assuming 1024". */
const DEFAULT_BELOW = 1_024;

const ALL_IS_BETTER = 'Delete the line to have all unused ports watched, which Picket can.';

/** Which ports of a transport are watched, bound and left alone. */
export function portPiece(transport: 'tcp' | 'udp', { find, modes }: Context): Piece {
  const name = transport.toUpperCase();
  const remarks: Remark[] = [];
  const read = (setting: Setting | undefined) => portsOf(setting, remarks);
  const [listed, excluded] = [find(`${name}_PORTS`), find(`ADVANCED_EXCLUDE_${name}`)];
  const [ports, apart] = [read(listed), read(excluded)];
  const { mode, because } = modes[transport];
  const lines = [
    watched(transport, { mode, because, listed, ports, below: find(`ADVANCED_PORTS_${name}`), remarks }),
    bound(transport, listed, ports, mode === 'below'),
    ignored(transport, excluded, apart, mode === 'below' ? [] : (ports ?? [])),
  ];
  return { lines: lines.flatMap((line) => line ?? []), remarks };
}

interface Watched {
  mode: string;
  because: string;
  listed: Setting | undefined;
  ports: PortRange[] | undefined;
  below: Setting | undefined;
  remarks: Remark[];
}

function watched(
  key: 'tcp' | 'udp',
  { mode, because, listed, ports, below, remarks }: Watched,
): PolicyLine | undefined {
  const how = `How PortSentry watched ${key}: ${because}.`;
  // A list that was not understood must not become "none": then all ports are watched.
  if (mode === 'bound' || (mode === 'listed' && listed !== undefined && ports === undefined))
    return undefined;
  if (mode === 'below') {
    const value = rangeBelow(below, remarks);
    return { section: 'watch', key, value: tomlString(value), why: [...cited(below), how, ALL_IS_BETTER] };
  }
  const what = mode === 'listed' && ports !== undefined ? ports : [];
  const none = what.length === 0 ? [`PortSentry did not watch ${key}.`] : [];
  const why = [...(mode === 'listed' ? cited(listed) : []), how, ...none, ALL_IS_BETTER];
  return { section: 'watch', key, value: tomlString(formatPortRanges(what)), why };
}

/** "Any port *below* this number will be monitored." */
function rangeBelow(setting: Setting | undefined, remarks: Remark[]): string {
  const below = setting === undefined ? DEFAULT_BELOW : Number(/^\s*(\d{1,5})\s*$/.exec(setting.value)?.[1]);
  if (below >= 1 && below <= 65_536) return below === 1 ? '0' : `0-${below - 1}`;
  remarks.push({
    kind: 'unread',
    ...(setting && { at: setting }),
    words: `a number from 1 to 65535; taken: ${DEFAULT_BELOW}`,
  });
  return `0-${DEFAULT_BELOW - 1}`;
}

function bound(
  key: 'tcp' | 'udp',
  listed: Setting | undefined,
  ports: PortRange[] | undefined,
  unread: boolean,
): PolicyLine | undefined {
  if (listed === undefined || ports === undefined) return undefined;
  const why = ['Bound only where neither the kernel nor the capture engine works.'];
  if (unread) why.push('PortSentry itself left this list alone in its advanced mode.');
  return { section: 'connect', key, value: tomlString(formatPortRanges(ports)), why: [cite(listed), ...why] };
}

/** Ports that are left alone, but for those which the administrator listed to be watched. */
function ignored(
  transport: 'tcp' | 'udp',
  excluded: Setting | undefined,
  apart: PortRange[] | undefined,
  wanted: readonly PortRange[],
): PolicyLine | undefined {
  const usual = parsePortRanges(transport === 'tcp' ? IGNORED_TCP_PORTS : IGNORED_UDP_PORTS) ?? [];
  const before = apart ?? usual;
  const after = without(before, wanted);
  const isChanged = formatPortRanges(after) !== formatPortRanges(before);
  if (apart === undefined && !isChanged) return undefined;
  const why = isChanged ? [`Without what ${transport.toUpperCase()}_PORTS names.`] : [];
  const value = tomlString(formatPortRanges(after));
  return { section: 'watch', key: `ignore_${transport}`, value, why: [...cited(excluded), ...why] };
}

function cited(setting: Setting | undefined): string[] {
  return setting === undefined ? [] : [cite(setting)];
}

/** The ports of a list; empty parts are skipped as strtok(3) does. Undefined when it is not set or not understood. */
function portsOf(setting: Setting | undefined, remarks: Remark[]): PortRange[] | undefined {
  if (setting === undefined) return undefined;
  const ranges: PortRange[] = [];
  for (const part of setting.value.split(',')) {
    if (part.trim() === '') continue;
    const [, from = '', to = from] = /^\s*(\d{1,5})(?:-(\d{1,5}))?\s*$/.exec(part) ?? [];
    if (from === '' || Number(from) > Number(to) || Number(to) > 65_535) {
      remarks.push({
        kind: 'unread',
        at: setting,
        words: `"${oneLine(part)}" is no port from 0 to 65535 and no range`,
      });
      return undefined;
    }
    ranges.push([Number(from), Number(to)]);
  }
  return mergePortRanges([ranges], Number.POSITIVE_INFINITY);
}

function without(ranges: readonly PortRange[], cut: readonly PortRange[]): PortRange[] {
  return cut.reduce<PortRange[]>(
    (rest, [from, to]) =>
      rest.flatMap(([a, b]): PortRange[] => {
        if (to < a || from > b) return [[a, b]];
        return [
          ...(a < from ? [[a, from - 1] as PortRange] : []),
          ...(b > to ? [[to + 1, b] as PortRange] : []),
        ];
      }),
    [...ranges],
  );
}
