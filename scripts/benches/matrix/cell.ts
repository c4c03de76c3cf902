import { frame, tcp } from '../../lab/frames.ts';
import type { Lab } from '../../lab/lab.ts';
import type { Running } from '../../lab/run.ts';
import { DeadlineError, waitFor } from '../../lab/wait.ts';
import { type Counts, type Gauge, startGauge } from '../lab/gauge.ts';
import { blockMs } from '../lab/moments.ts';
import { macOf, startFrames } from '../lab/replay.ts';
import { CHECK_PORT, VICTIM } from '../lab/victim.ts';
import type { Row } from '../result.ts';
import type { Watcher, Who } from '../who/who.ts';
import type { Case } from './cases.ts';

/** One scan against one who watches. */
export type Cell = { lab: Lab; who: Who; watcher: Watcher; case: Case; source: string; label: string };

/** Checks a second, how many in a row have to be refused before a source counts as blocked, and the most of them. */
const CHECKS = { perSecond: 100, refused: 10, most: 2_000 };

/** Time for the report of what was seen to be written, ms. */
const REPORT_MS = 1_000;

/** Time for the first checks to arrive and be counted, ms, beside the patience with who watches. */
const CHECK_MS = 500;

/** Scans, and says what came of it. */
export async function measure(cell: Cell): Promise<Row[]> {
  const { lab, case: way, label, who } = cell;
  const subject = { source: way.source ?? cell.source, probes: way.probes };
  const gauge = await startGauge(lab, subject, label);
  const target = lab.node(VICTIM)[way.family === 4 ? 'v4' : 'v6'];
  await way.scan({ lab, family: way.family, source: cell.source, target, label });
  const counts = await gauge.counts();
  const isBlocked = await check(cell, gauge, target);
  const detected = await isReported(cell, subject.source);
  const moments = await gauge.stop();
  return rowsOf(way.name, who.name, counts, { detected, isBlocked, blockMs: blockMs(moments) });
}

/** Asks an open port again and again, until that is refused or the patience ends. Nobody is asked whether it blocks. */
async function check(cell: Cell, gauge: Gauge, target: string): Promise<boolean> {
  const { who, label } = cell;
  const checks = await sendChecks(cell, target);
  let [passed, passedAt] = [0, 0];
  const isRefused = async () => {
    const { checksArrived, checksPassed } = await gauge.counts();
    if (checksPassed > passed) [passed, passedAt] = [checksPassed, checksArrived];
    return checksArrived - passedAt >= CHECKS.refused;
  };
  const deadlineMs = who.patienceMs + CHECK_MS;
  const refused = await waitFor('the source to be refused', isRefused, deadlineMs).catch(unlessLate);
  await checks.stop();
  if ((await gauge.counts()).checksArrived === 0) throw new Error(`no check arrived (${label})`);
  return refused === true;
}

/** SYNs from one port after the other: each is a new connection to whoever tracks them. */
async function sendChecks({ lab, case: way, source, label }: Cell, to: string): Promise<Running> {
  const isFar = way.source !== undefined;
  const node = isFar ? 'far' : 'scanner';
  const from = isFar ? lab.node('far').v6 : source;
  const [fromMac, toMac] = [
    await macOf(lab, node),
    await (isFar ? macOf(lab, 'router', 'eth1') : macOf(lab, VICTIM)),
  ];
  const syn = (i: number) => frame({ fromMac, toMac, from, to }, tcp(20_000 + i, CHECK_PORT));
  const frames = Array.from({ length: CHECKS.most }, (_, i) => syn(i));
  return startFrames(lab, node, frames, { perSecond: CHECKS.perSecond, name: `check-${label}` });
}

async function isReported({ watcher }: Cell, source: string): Promise<boolean> {
  const look = () => watcher.reports(source);
  return (await waitFor('a report', look, REPORT_MS).catch(unlessLate)) === true;
}

function unlessLate(error: Error): undefined {
  if (!(error instanceof DeadlineError)) throw error;
}

type Outcome = { detected: boolean; isBlocked: boolean; blockMs: number | undefined };

function rowsOf(name: string, who: string, counts: Counts, outcome: Outcome): Row[] {
  const row = (metric: string, unit: string, value: Row['value']): Row => ({
    case: name,
    who,
    metric,
    unit,
    value,
  });
  const time =
    outcome.isBlocked && outcome.blockMs !== undefined ? [row('blockMs', 'ms', outcome.blockMs)] : [];
  return [
    row('detected', 'bool', outcome.detected),
    row('blocked', 'bool', outcome.isBlocked),
    row('passed', 'packets', counts.passed),
    row('passedUnused', 'packets', counts.passedUnused),
    row('answered', 'packets', counts.answered),
    row('arrived', 'packets', counts.arrived),
    ...time,
  ];
}
