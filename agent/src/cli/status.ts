import { type RecentSource, recentListSchema, type Status, statusSchema } from '../control/messages.ts';
import type { Policy } from '../policy/policy.ts';
import { ask, complain, print } from './ask.ts';
import { watchScreen } from './screen.ts';
import { sourceLines } from './words/sources.ts';
import { stanceWords } from './words/stance.ts';
import { statusLines } from './words/status.ts';
import { spanWords, timeWords } from './words/time.ts';

/** Most sources asked for at once. */
const MOST = 200;

/** `picket-agent status`: how the running agent is. @returns the exit status */
export async function statusCommand(
  policy: Policy,
  options: { json: boolean; watch: boolean },
): Promise<number> {
  if (options.watch) return watchScreen((size) => viewLines(policy, size));
  const asked = await ask(policy, { method: 'GET', route: '/v1/status', schema: statusSchema });
  if (!asked.ok) return complain(asked);
  return options.json ? print(JSON.stringify(asked.value, null, 2)) : print(...statusLines(asked.value));
}

/** The live view as lines that fit. */
async function viewLines(
  policy: Policy,
  { columns, rows }: { columns: number; rows: number },
): Promise<string[]> {
  const asked = await ask(policy, { method: 'GET', route: '/v1/status', schema: statusSchema });
  if (!asked.ok) return [asked.why];
  const sources = await ask(policy, {
    method: 'GET',
    route: `/v1/sources?most=${MOST}`,
    schema: recentListSchema,
  });
  const list = sources.ok ? sources.value.sources : [];
  const lines = [...headLines(asked.value), '', ...tableLines(list, asked.value.nowMs, columns)];
  return lines.slice(0, rows).map((line) => line.slice(0, columns));
}

function tableLines(list: readonly RecentSource[], nowMs: number, columns: number): string[] {
  return list.length === 0 ? ['no source was seen yet'] : sourceLines(list, nowMs, columns);
}

function headLines({ figures, stance, nowMs, startedAtMs, uplink, ...status }: Status): string[] {
  const { listVersion, lastContactMs: at, isEnrolled } = uplink;
  const contact = at === undefined ? 'none yet' : `${spanWords(nowMs - at)} ago`;
  const net = isEnrolled
    ? `list ${listVersion}, contact ${contact}, ${uplink.spool?.batches ?? 0} batches wait`
    : 'runs alone';
  return [
    `picket-agent ${status.version}  ${timeWords(nowMs)}  up ${spanWords(nowMs - startedAtMs)}  ${status.engine}, ${status.firewall}`,
    `mode ${stanceWords(stance, nowMs)}`,
    `blocks ${figures.localBlocks} local, ${figures.sharedBlocks} shared; sources ${figures.sources}; refused ${figures.packetsDropped}; lost ${figures.probesLost}`,
    net,
  ];
}
