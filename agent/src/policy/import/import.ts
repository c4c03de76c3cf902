import type { Address } from '@picket/protocol';
import { killPiece } from './kill.ts';
import { ALWAYS_DIFFERENT, effective, leftovers } from './leftovers.ts';
import { type Remark, settingsOf, type TextFile } from './lines.ts';
import { generationOf, modeOf } from './mode.ts';
import { type Context, join, type Piece, type PolicyLine } from './piece.ts';
import { portPiece } from './ports.ts';
import { bannerPiece, modePiece, thresholdPiece } from './response.ts';
import { allowPiece } from './sources.ts';
import { oneLine, remarkLines, tomlString } from './words.ts';

/** What an import is made of. */
export interface ImportInput {
  readonly conf: TextFile;
  /** portsentry.ignore, portsentry.ignore.static. */
  readonly ignore: readonly TextFile[];
  /** Debian's /etc/default/portsentry, which says how PortSentry is started. */
  readonly startup?: TextFile | undefined;
  readonly tcpMode?: string | undefined;
  readonly udpMode?: string | undefined;
  /** Interfaces that PortSentry 2.x was started with. */
  readonly interfaces: readonly string[];
  /** This host's own addresses. */
  readonly own: readonly Address[];
  /** What whoever read the files has to say. */
  readonly remarks?: readonly Remark[];
}

/** An import: the text of picket.toml, and what there is to say of it (the text ends with the same). */
export interface Imported {
  readonly toml: string;
  readonly remarks: readonly Remark[];
}

/** Translates PortSentry's files of both generations. Never throws; the text is always a policy that is accepted. */
export function importPortSentry(input: ImportInput): Imported {
  const read = settingsOf(input.conf, 'conf');
  const startup = input.startup && settingsOf(input.startup, 'shell');
  const { generation, because } = generationOf(input.conf.text, read.settings);
  const { counting, remarks: repeated } = effective(read.settings, generation);
  const modes = (['tcp', 'udp'] as const).map((transport) =>
    modeOf(transport, { asked: input[`${transport}Mode`], startup: startup?.settings, generation }),
  );
  const [tcp, udp] = modes.map(({ chosen }) => chosen);
  if (tcp === undefined || udp === undefined) throw new TypeError('there are two modes');
  const context: Context = { find: (key) => counting.find((one) => one.key === key), modes: { tcp, udp } };
  const said: Remark[] = [
    ...(input.remarks ?? []),
    ...read.remarks,
    ...(startup?.remarks ?? []),
    ...modes.flatMap(({ remarks }) => remarks),
    ...repeated,
  ];
  const piece = join(
    modePiece(context),
    portPiece('tcp', context),
    portPiece('udp', context),
    bannerPiece(context),
    interfacePiece(input.interfaces),
    thresholdPiece(context),
    killPiece(context),
    allowPiece(input.ignore, input.own),
    { lines: [], remarks: [...said, ...leftovers(counting), ...boundRemarks(context), ...ALWAYS_DIFFERENT] },
  );
  const files = [input.conf, ...(input.startup ? [input.startup] : []), ...input.ignore].map(({ name }) =>
    oneLine(name),
  );
  const head = [
    `Made by picket-agent import from ${files.join(', ')}.`,
    `Read as PortSentry ${generation}.x: ${because}.`,
  ];
  return { toml: render(head, piece), remarks: piece.remarks };
}

/** 2.x's `--interface`: ALL, ALL_NLO and any stand for all, which is what an empty list means. */
function interfacePiece(names: readonly string[]): Piece {
  const isNamed = names.length > 0 && !names.some((name) => ['ALL', 'ALL_NLO', 'any'].includes(name));
  const why = [
    '--interface; for the capture engine: the kernel engine watches all interfaces.',
    'Those to leave alone go into watch.ignore_interfaces.',
  ];
  const value = `[${names.map(tomlString).join(', ')}]`;
  return { lines: isNamed ? [{ section: 'capture', key: 'interfaces', value, why }] : [], remarks: [] };
}

function boundRemarks({ modes }: Context): Remark[] {
  const bound = (['tcp', 'udp'] as const).filter((transport) => modes[transport].mode === 'bound');
  if (bound.length === 0) return [];
  const how = bound.map((transport) => `${transport} (${modes[transport].because})`).join(' and ');
  const words = [
    `PortSentry bound its ports: ${how}. Picket watches all unused ones, so that a threshold.ports below 4 blocks more`,
    'than it did; watch.engine = "connect" binds the listed ports alone.',
  ];
  return [{ kind: 'different', words: words.join(' ') }];
}

/** Order of the sections in picket.toml; what stands before the first table has no name. */
const SECTIONS: readonly PolicyLine['section'][] = [
  ...(['', 'watch', 'connect', 'capture', 'threshold', 'block', 'hosts_deny', 'command', 'allow'] as const),
];

function render(head: readonly string[], { lines, remarks }: Piece): string {
  const body = SECTIONS.flatMap((section) => {
    const own = lines.filter((line) => line.section === section);
    if (own.length === 0) return [];
    return [...(section === '' ? [] : ['', `[${section}]`]), ...own.flatMap(renderLine)];
  });
  const end = remarkLines(remarks);
  return [...comments(head), '', ...body, ...(end.length > 0 ? ['', ...comments(end)] : []), ''].join('\n');
}

function renderLine({ key, value, why }: PolicyLine): string[] {
  return [...comments(why), `${key} = ${value}`];
}

function comments(lines: readonly string[]): string[] {
  return lines.map((line) => `# ${line}`);
}
