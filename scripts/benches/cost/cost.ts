import type { Lab } from '../../lab/lab.ts';
import type { Bench, Context } from '../bench.ts';
import { openVictimLab, VICTIM } from '../lab/victim.ts';
import type { Row } from '../result.ts';
import { picket } from '../who/picket.ts';
import { portsentry } from '../who/portsentry.ts';
import { isReady } from '../who/ready.ts';
import { settled } from '../who/settled.ts';
import { NONE, type Watcher, type Who } from '../who/who.ts';
import { socketDrops } from './drops.ts';
import { LOADS, type Load } from './loads.ts';
import { cpuSeconds, type Memory, machineSeconds, memoryOf } from './meter.ts';

const WHOS: readonly Who[] = [picket('kernel'), picket('capture'), portsentry, NONE];

const SAMPLE_MS = 250;

/** What watching costs: CPU time of its processes and of the whole machine, packets it missed, memory. */
export const cost: Bench = {
  rounds: 3,
  references: ['picket-kernel', 'picket-capture', 'none'],
  run: async (context) => {
    for (const { name, about } of LOADS) context.remark(`${name}: ${about}`);
    const rows: Row[] = [];
    for (const who of WHOS) rows.push(...(await runWho(context, who)));
    return rows;
  },
};

async function runWho(context: Context, who: Who): Promise<Row[]> {
  const wanted = LOADS.filter(({ name }) => context.wants(name, who.name));
  if (wanted.length === 0 || !(await isReady(context, who))) return [];
  if (!who.socketsTellDrops) context.remark(`${who.name}: what it missed cannot be seen from outside`);
  const rows: Row[] = [];
  for (let round = 1; round <= context.rounds; round++)
    for (const load of wanted) {
      const found = await measure(who, load);
      rows.push(...found);
      context.say(
        `${who.name.padEnd(16)} ${found.map((row) => `${row.case} ${row.metric} ${row.value}`).join(', ')}`,
      );
    }
  return rows;
}

/** One load on a fresh host: memory before it, then what it costs until its end is digested. */
async function measure(who: Who, load: Load): Promise<Row[]> {
  const lab = await openVictimLab();
  try {
    const watcher = await who.start(lab, VICTIM);
    await settled(watcher);
    const idle = await memoryOf(await watcher.processes());
    await load.before(lab, who !== NONE);
    await settled(watcher);
    const used = await useDuring(lab, watcher, () => load.send(lab));
    return rowsOf(who, load, idle, used);
  } finally {
    await lab.close();
  }
}

type Use = { packets: number; own: number; machine: number; drops: number; peak: Memory };

async function useDuring(lab: Lab, watcher: Watcher, send: () => Promise<void>): Promise<Use> {
  const look = async () => ({
    packets: await received(lab),
    own: await cpuSeconds(await watcher.processes()),
    drops: await socketDrops(lab),
    machine: machineSeconds(),
  });
  const before = await look();
  const peak = { rssMb: 0, privateMb: 0 };
  const timer = setInterval(async () => {
    const { rssMb, privateMb } = await memoryOf(await watcher.processes());
    peak.rssMb = Math.max(peak.rssMb, rssMb);
    peak.privateMb = Math.max(peak.privateMb, privateMb);
  }, SAMPLE_MS);
  try {
    await send();
    await settled(watcher);
  } finally {
    clearInterval(timer);
  }
  const after = await look();
  return {
    packets: after.packets - before.packets,
    own: after.own - before.own,
    machine: after.machine - before.machine,
    drops: after.drops - before.drops,
    peak,
  };
}

const received = async (lab: Lab): Promise<number> =>
  Number(await lab.mustExec(VICTIM, ['cat', '/sys/class/net/eth0/statistics/rx_packets']));

const percent = (part: number, whole: number): number => Math.round((part / whole) * 1e5) / 1e3;

function rowsOf(who: Who, load: Load, idle: Memory, used: Use): Row[] {
  const row = (name: string, metric: string, unit: string, value: number): Row => ({
    case: name,
    who: who.name,
    metric,
    unit,
    value,
  });
  const perMillion = (seconds: number) => Math.round((seconds / used.packets) * 1e9) / 1e3;
  const machine = row(load.name, 'machineSecondsPerMillion', 's', perMillion(used.machine));
  const packets = row(load.name, 'packets', 'packets', used.packets);
  if (who === NONE) return [machine, packets];
  return [
    row(load.name, 'cpuSecondsPerMillion', 's', perMillion(used.own)),
    machine,
    packets,
    ...(who.socketsTellDrops ? [row(load.name, 'lost', '%', percent(used.drops, used.packets))] : []),
    row(load.name, 'rssMb', 'MB', used.peak.rssMb),
    row(load.name, 'privateMb', 'MB', used.peak.privateMb),
    row('idle', 'rssMb', 'MB', idle.rssMb),
    row('idle', 'privateMb', 'MB', idle.privateMb),
  ];
}
