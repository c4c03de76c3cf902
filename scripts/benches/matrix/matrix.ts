import type { Bench, Context } from '../bench.ts';
import { openVictimLab, VICTIM } from '../lab/victim.ts';
import type { Row } from '../result.ts';
import { picket } from '../who/picket.ts';
import { portsentry } from '../who/portsentry.ts';
import { psad } from '../who/psad.ts';
import { isReady } from '../who/ready.ts';
import { scanlogd } from '../who/scanlogd.ts';
import { NONE, type Who } from '../who/who.ts';
import { CASES, type Case } from './cases.ts';
import { measure } from './cell.ts';
import { summary } from './summary.ts';

const WHOS: readonly Who[] = [
  picket('kernel'),
  picket('capture'),
  picket('connect'),
  portsentry,
  scanlogd,
  psad,
  NONE,
];

const RESOLUTION =
  'blockMs: to the first packet refused; of a scan that is over before the block, to the first check refused (nmap takes 0.2 s to end)';

/** Technique by who watches: detected, blocked, what passed before, and how long it took. */
export const matrix: Bench = {
  rounds: 1,
  references: ['picket-kernel', 'picket-capture'],
  summary,
  run: async (context) => {
    context.remark(RESOLUTION);
    const rows: Row[] = [];
    for (const who of WHOS) rows.push(...(await runWho(context, who)));
    return rows;
  },
};

async function runWho(context: Context, who: Who): Promise<Row[]> {
  const wanted = CASES.filter(({ name }) => context.wants(name, who.name));
  if (wanted.length === 0 || !(await isReady(context, who))) return [];
  const plain = wanted.filter(({ variant }) => variant === undefined);
  const varied = wanted.filter(({ variant }) => variant !== undefined);
  return [...(await runCases(context, who, plain)), ...(await runCases(context, who, varied))];
}

/** Cases of one variant, in a lab of their own. */
async function runCases(context: Context, who: Who, cases: readonly Case[]): Promise<Row[]> {
  const [first] = cases;
  if (first === undefined) return [];
  const { variant } = first;
  if (variant?.tripwire !== undefined && who.name.startsWith('picket'))
    context.deviates(
      `tripwire cases: threshold.tripwire_tcp = "${variant.tripwire}"`,
      'there is none by default',
    );
  const rows: Row[] = [];
  const lab = await openVictimLab();
  try {
    const watcher = await who.start(lab, VICTIM, variant);
    let serial = 0;
    for (let round = 1; round <= context.rounds; round++)
      for (const way of cases) {
        if (way.remark !== undefined) context.remark(way.remark);
        const source = addressOf(way.family, ++serial);
        await lab.addAddress('scanner', source);
        const label = `${serial}`;
        const found = await measure({ lab, who, watcher, case: way, source, label });
        rows.push(...found);
        context.say(`${who.name.padEnd(16)} ${way.name.padEnd(20)} ${told(found)}`);
      }
  } finally {
    await lab.close();
  }
  return rows;
}

/** Most IPv4 cells of a lab, in the addresses that neither hosts nor decoys have. */
const MOST_V4 = 138;

/** A fresh address of the scanner for each cell. Beyond the IPv4 addresses there are, it says so. */
function addressOf(family: 4 | 6, serial: number): string {
  if (family === 6) return `2001:db8:1::1:${serial.toString(16)}`;
  if (serial > MOST_V4) throw new Error('fewer rounds: the network has no more fresh addresses');
  return `203.0.113.${100 + serial > 199 ? 102 + serial : 100 + serial}`;
}

const told = (rows: readonly Row[]): string =>
  rows
    .map(({ metric, value }) => `${metric} ${typeof value === 'boolean' ? (value ? 'yes' : 'no') : value}`)
    .join(', ');
