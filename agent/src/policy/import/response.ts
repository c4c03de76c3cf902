import type { Remark, Setting } from './lines.ts';
import type { Context, Piece } from './piece.ts';
import { cite, tomlString } from './words.ts';

/** `policy.threshold.ports` takes no more, and `policy.connect.banner` no longer text. */
const [MOST_PORTS, MOST_BANNER] = [1_000, 512];

/** Picket's own thresholds for clients and for weak evidence: neither may lie below the one for ordinary evidence. */
const [CLIENT_PORTS, WEAK_PORTS] = [7, 12];

/**
 * BLOCK_TCP and BLOCK_UDP: 0 only logs, 1 blocks, 2 runs KILL_RUN_CMD alone. Without them both generations only log.
 * Picket has one mode for all: it enforces when either says 1.
 */
export function modePiece({ find }: Context): Piece {
  const settings = ['BLOCK_TCP', 'BLOCK_UDP'].map(find);
  const values = settings.map((setting) => setting?.value.trim() ?? '0');
  const mode = values.includes('1') ? 'enforce' : 'observe';
  const cited = settings.flatMap((setting) => (setting === undefined ? [] : [cite(setting)]));
  const why = mode === 'enforce' ? [] : ['Each decision is told and none carried out; "enforce" blocks.'];
  if (cited.length === 0) why.unshift('Neither BLOCK_TCP nor BLOCK_UDP is set: PortSentry only logged.');
  const remarks = settings.flatMap((setting, i) =>
    setting === undefined ? [] : blockRemarks(setting, values[i], mode),
  );
  return { lines: [{ section: '', key: 'mode', value: tomlString(mode), why: [...cited, ...why] }], remarks };
}

function blockRemarks(setting: Setting, value: string | undefined, mode: string): Remark[] {
  if (value === '2')
    return [{ kind: 'yet', at: setting, words: `a command instead of a block; mode = "${mode}" holds` }];
  if (value !== '0' && value !== '1')
    return [{ kind: 'unread', at: setting, words: 'allowed are 0, 1 and 2; taken for 0' }];
  if (value === '1' || mode === 'observe') return [];
  const words =
    'mode holds for all transports, so this one blocks too; on forgeable evidence only new connections are refused';
  return [{ kind: 'different', at: setting, words }];
}

/**
 * SCAN_TRIGGER is "the number of port connects you will allow before an alarm is given", in both generations: 0 reacts to
 * the first, so n becomes n + 1. (Their code counts the present connect for n > 1, and so reacts up to one earlier.)
 */
export function thresholdPiece({ find }: Context): Piece {
  const setting = find('SCAN_TRIGGER');
  const trigger = setting === undefined ? 0 : Number(/^\s*(\d{1,9})/.exec(setting.value)?.[1]);
  if (Number.isNaN(trigger)) {
    return {
      lines: [],
      remarks: [
        {
          kind: 'unread',
          ...(setting && { at: setting }),
          words: "no number; Picket's own threshold, 4, holds",
        },
      ],
    };
  }
  const ports = Math.min(trigger + 1, MOST_PORTS);
  const from =
    setting === undefined
      ? 'SCAN_TRIGGER is not set: PortSentry reacted to the first connect.'
      : cite(setting);
  const advice =
    ports === 4
      ? []
      : ['4, the default, is recommended: fewer blocks a mistyped port, more shows a scanner more.'];
  const raised = [['client_ports', CLIENT_PORTS] as const, ['weak_ports', WEAK_PORTS] as const].filter(
    ([, usual]) => usual < ports,
  );
  const line = (key: string, why: string[]) => ({
    section: 'threshold' as const,
    key,
    value: String(ports),
    why,
  });
  const remarks: Remark[] = [];
  if (setting !== undefined && ports <= trigger)
    remarks.push({ kind: 'different', at: setting, words: `threshold.ports is at most ${MOST_PORTS}` });
  return {
    lines: [line('ports', [from, ...advice]), ...raised.map(([key]) => line(key, ['No less than ports.']))],
    remarks,
  };
}

/** KILL_ROUTE: what it did with a command of its own, Picket's firewall does. */
export function firewallPiece({ find }: Context): Piece {
  const setting = find('KILL_ROUTE');
  if (setting === undefined) return { lines: [], remarks: [] };
  const why = [cite(setting), 'In place of the command: what works on this host.'];
  return { lines: [{ section: 'block', key: 'firewall', value: '"auto"', why }], remarks: [] };
}

/** PORT_BANNER: sent by the connect engine alone, as PortSentry did. */
export function bannerPiece({ find }: Context): Piece {
  const setting = find('PORT_BANNER');
  if (setting === undefined) return { lines: [], remarks: [] };
  const banner = setting.value.slice(0, MOST_BANNER);
  const remarks: Remark[] =
    setting.value.length > MOST_BANNER
      ? [{ kind: 'different', at: setting, words: `cut to ${MOST_BANNER} characters` }]
      : [];
  return {
    lines: [{ section: 'connect', key: 'banner', value: tomlString(banner), why: [cite(setting)] }],
    remarks,
  };
}
