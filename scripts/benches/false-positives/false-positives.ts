import { type Lab, openLab } from '../../lab/lab.ts';
import { HOST, HOSTS, type Kind } from '../../lab/ordinary/kind.ts';
import { KINDS } from '../../lab/ordinary/kinds.ts';
import { forgetAll, lookAll, type Watcher, watchByBoth } from '../../lab/ordinary/watchers.ts';
import type { Bench, Context } from '../bench.ts';
import type { Row } from '../result.ts';

/** Packets of a flood. */
const FLOOD = 5_000;

/** Seconds after which leftovers come again, with `--real-waits`; else time is compressed. */
const REAL_WAITS = [130, 300, 900] as const;

/** Kinds that depend on time; `--real-waits` runs these alone. */
const OF_TIME = ['late-leftovers'];

const COMPRESSED =
  'leftovers of 130, 300 and 900 s: time is compressed; conntrack and the two-minute memory of the kernel table are emptied instead (--real-waits waits)';

/** Sources that ordinary traffic accuses, one case for each kind, and whether a scan afterwards still trips. */
export const falsePositives: Bench = {
  rounds: 1,
  references: [],
  run: async (context) => {
    const rows: Row[] = [];
    const kinds = KINDS.filter(({ name }) => isWanted(context, name));
    if (!context.realWaits) context.remark(COMPRESSED);
    // Each round in a lab of its own: some kinds leave a host changed.
    for (let round = 0; round < context.rounds; round++) {
      const lab = await openLab({ hosts: HOSTS });
      try {
        for (const [i, kind] of kinds.entries()) rows.push(...(await measure(context, lab, kind, i)));
      } finally {
        await lab.close();
      }
    }
    return rows;
  },
};

function isWanted(context: Context, name: string): boolean {
  if (context.realWaits && !OF_TIME.includes(name)) return false;
  return ['picket-kernel', 'picket-capture'].some((who) => context.wants(name, who));
}

async function measure(context: Context, lab: Lab, kind: Kind, serial: number): Promise<Row[]> {
  const watchers = await watchByBoth(lab, HOST);
  try {
    // When time passes for real, nothing is taken from the engines.
    const forget = () => forgetAll(lab, HOST, context.realWaits ? [] : watchers);
    const waits = context.realWaits ? REAL_WAITS : [0, 0, 0];
    await kind.run({ lab, flood: FLOOD, waits, forget, look: () => lookAll(watchers) });
    const accused = await trippedOf(watchers);
    const scanner = await scan(lab, serial);
    const seen = await trippedOf(watchers);
    const rows = watchers.flatMap(({ name }): Row[] => [
      { ...cell(context, kind, name), metric: 'trips', unit: 'count', value: accused[name]?.length ?? -1 },
      {
        ...cell(context, kind, name),
        metric: 'scanTrips',
        unit: 'bool',
        value: seen[name]?.includes(scanner) ?? false,
      },
    ]);
    const told = watchers.map(({ name }) => `${name} ${accused[name]?.join(', ') || 'nobody'}`).join(', ');
    context.say(`${kind.name.padEnd(20)} trips: ${told}`);
    return rows.filter(({ case: name, who }) => context.wants(name, who));
  } finally {
    for (const watcher of watchers) await watcher.stop();
  }
}

const cell = (context: Context, { name }: Kind, engine: string) => ({
  case: context.realWaits ? `${name}-real-waits` : name,
  who: `picket-${engine}`,
});

async function trippedOf(watchers: readonly Watcher[]): Promise<Record<string, string[]>> {
  const tripped: Record<string, string[]> = {};
  for (const watcher of watchers) tripped[watcher.name] = await watcher.tripped();
  return tripped;
}

/** The control: a scan of an address that nobody had before. */
async function scan(lab: Lab, serial: number): Promise<string> {
  const address = `203.0.113.${101 + serial}`;
  await lab.addAddress('scanner', address);
  const nmap = ['nmap', '-n', '-Pn', '-sS', '--max-retries', '0', '--host-timeout', '10s', '-p', '300-310'];
  await lab.mustExec('scanner', [...nmap, '-S', address, '-e', 'eth0', lab.node(HOST).v4]);
  return address;
}
