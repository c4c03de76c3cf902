import type { Lab } from '../../lab/lab.ts';
import type { Context } from '../bench.ts';
import { openVictimLab, routeAnswers, VICTIM } from '../lab/victim.ts';
import { percentile } from '../percentile.ts';
import type { Row } from '../result.ts';
import { isReady } from '../who/ready.ts';
import { readTrips, type Trip } from './latency.ts';
import { type Layout, planTrips, STREAM_PORT } from './plan.ts';
import { sendAndRecord } from './send.ts';
import { type Timed, WHOS } from './whos.ts';

const CASE = 'single-probe';

const REMARKS = [
  'latency: from the tripping packet to the first packet of the same source from which on nothing is answered, 0 when that is the tripping one itself; one each 0.1 ms for 20 ms, 0.5 ms to 100 ms, then 5 ms; times are those of the kernel on the wire',
  'packetsAfterTrip: most packets of a source that were answered after its trip, in any trip',
  'Picket trips at the 4th distinct port, and its clock starts there; PortSentry (SCAN_TRIGGER=0) and fail2ban (maxretry=1) at the first probe',
];

/** Time from the tripping packet to the block in force, of each who watches. */
export async function singleProbe(context: Context): Promise<Row[]> {
  const rows: Row[] = [];
  for (const timed of WHOS) rows.push(...(await runWho(context, timed)));
  if (rows.length > 0) for (const remark of REMARKS) context.remark(remark);
  return rows;
}

async function runWho(context: Context, { who, layout }: Timed): Promise<Row[]> {
  if (!context.wants(CASE, who.name) || !(await isReady(context, who))) return [];
  const trips = Math.min(context.trips ?? layout.trips, layout.trips);
  if (trips < 1_000) context.remark(`${who.name}: ${trips} trips`);
  const rows: Row[] = [];
  for (let round = 1; round <= context.rounds; round++) {
    const lab = await openVictimLab();
    try {
      await prepareHost(lab);
      await who.start(lab, VICTIM);
      const found = tripRows(CASE, who.name, await playTrips(lab, { ...layout, trips }, CASE));
      rows.push(...found);
      context.say(
        `${who.name.padEnd(24)} ${found.map(({ metric, value }) => `${metric} ${value}`).join(', ')}`,
      );
    } finally {
      await lab.close();
    }
  }
  return rows;
}

/**
 * Answers go over the wire and vanish. SYN cookies always: no answer depends on a queue of half-open connections, and
 * none is sent twice. What conntrack keeps of them goes within seconds, or its table would fill.
 */
export async function prepareHost(lab: Lab): Promise<void> {
  await routeAnswers(lab);
  const set = (name: string, value: number) => `echo ${value} >/proc/sys/net/${name}`;
  const lines = [
    set('ipv4/tcp_syncookies', 2),
    `if [ -e /proc/sys/net/netfilter ]; then ${set('netfilter/nf_conntrack_tcp_timeout_syn_recv', 3)}; fi`,
  ];
  await lab.mustExec(VICTIM, ['sh', '-ec', lines.join('\n')]);
}

/** Plays trips, and reads off the wire what came of them. */
export async function playTrips(lab: Lab, layout: Layout, name: string): Promise<Trip[]> {
  const packets = await sendAndRecord(lab, planTrips(layout, Math.random), name);
  const trips = readTrips(packets, lab.node(VICTIM).v4, STREAM_PORT);
  const faults = trips.filter((trip) => typeof trip === 'string');
  if (faults.length > 0 || trips.length !== layout.trips)
    throw new Error(`${trips.length} sources, of which ${faults.length} tell nothing: ${faults[0]}`);
  return trips.filter((trip) => typeof trip !== 'string');
}

/** The figures of some trips. */
export function tripRows(theCase: string, who: string, trips: readonly Trip[]): Row[] {
  const times = trips.flatMap(({ latencyMs }) => latencyMs ?? []).sort((a, b) => a - b);
  const row = (metric: string, unit: string, value: number): Row => ({
    case: theCase,
    who,
    metric,
    unit,
    value,
  });
  const at = (percent: number) => Math.round(percentile(times, percent) * 1_000) / 1_000;
  const figures =
    times.length === 0
      ? []
      : ([
          ['p50', 50],
          ['p99', 99],
          ['max', 100],
        ] as const);
  return [
    ...figures.map(([metric, percent]) => row(metric, 'ms', at(percent))),
    row('packetsAfterTrip', 'count', Math.max(...trips.map(({ packetsAfter }) => packetsAfter))),
    row('trips', 'count', trips.length),
    row('notBlocked', 'count', trips.length - times.length),
  ];
}
