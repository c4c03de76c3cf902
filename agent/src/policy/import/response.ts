import { type Blocking, blockingOf } from './blocking.ts';
import type { Remark, Setting } from './lines.ts';
import type { Context, Piece } from './piece.ts';
import { cite, tomlString } from './words.ts';

/** `policy.threshold.ports` takes no more, and `policy.connect.banner` no longer text. */
const [MOST_PORTS, MOST_BANNER] = [1_000, 512];

/** Picket's own thresholds for clients and for weak evidence: neither may lie below the one for ordinary evidence. */
const [CLIENT_PORTS, WEAK_PORTS] = [7, 12];

/** BLOCK_TCP and BLOCK_UDP. */
export function modePiece(context: Context): Piece {
  const blocking = blockingOf(context);
  const { settings, mode } = blocking;
  const cited = settings.flatMap(({ setting }) => (setting === undefined ? [] : [cite(setting)]));
  const why = mode === 'enforce' ? [] : ['Each decision is told and none carried out; "enforce" blocks.'];
  if (cited.length === 0) why.unshift('Neither BLOCK_TCP nor BLOCK_UDP is set: PortSentry only logged.');
  const remarks = settings.flatMap(({ setting, value }) =>
    setting === undefined ? [] : blockRemarks(setting, value, blocking),
  );
  return { lines: [{ section: '', key: 'mode', value: tomlString(mode), why: [...cited, ...why] }], remarks };
}

function blockRemarks(at: Setting, value: string, { mode, isCommandOnly }: Blocking): Remark[] {
  if (!['0', '1', '2'].includes(value))
    return [{ kind: 'unread', at, words: 'allowed are 0, 1 and 2; taken for 0' }];
  if (value === '2' && mode === 'observe')
    return [
      {
        kind: 'gone',
        at,
        words: 'it ran KILL_RUN_CMD alone, and there is none to run; mode = "observe" holds',
      },
    ];
  if (value === '1' || mode === 'observe' || (value === '2' && isCommandOnly)) return [];
  const words = isCommandOnly
    ? 'mode holds for all transports, so the command runs for this one too'
    : 'mode holds for all transports, so this one blocks too; on forgeable evidence only new connections are refused';
  return [{ kind: 'different', at, words }];
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
