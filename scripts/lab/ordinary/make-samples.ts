import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Lab, openLab } from '../lab.ts';
import { HOST, HOSTS } from './kind.ts';
import { KINDS } from './kinds.ts';
import { record } from './record.ts';
import { type Sample, sampleFile, TESTDATA } from './samples.ts';
import { SCANS } from './scans.ts';

/**
 * Records the samples of the agent's tests anew, at a host of the lab on which nothing watches. As root:
 * `node --import tsx scripts/lab/ordinary/make-samples.ts [NAME…]`; without names all of them.
 */

/** Packets of a flood: what fits into a sample. */
const FLOOD = 600;

/** Most bytes of a sample. */
const MOST_BYTES = 200_000;

/** Kinds whose checksums are wrong on purpose. */
const DAMAGED = ['bad-checksums'];

/** Scans that the kernel's own sockets make; nmap's raw ones are sound as they are, and may be fragments. */
const OF_SOCKETS = ['connect'];

/** Samples to record anew; all when none is named. */
const WANTED = process.argv.slice(2);

/** Records while something runs, into the testdata. */
async function sample(lab: Lab, folder: string, name: string, run: () => Promise<void>): Promise<void> {
  if (WANTED.length > 0 && !WANTED.includes(name)) return;
  const recording = await record(lab, HOST, name);
  await run();
  const file = await recording.stop();
  const out = sampleFile(folder, name);
  // What leaves a veth has checksums that hardware would complete; on a wire they are right.
  const isSound = folder === 'scans' ? !OF_SOCKETS.includes(name) : DAMAGED.includes(name);
  const copy = isSound ? ['cp', file, out] : ['tcprewrite', '--fixcsum', '-i', file, '-o', out];
  await lab.mustExec(HOST, copy);
  const { size } = await stat(out);
  console.log(`${folder}/${name}: ${size} bytes`);
  if (size > MOST_BYTES) throw new Error(`${name} is too large to keep`);
}

async function writeIndex(folder: string, samples: readonly Sample[]): Promise<void> {
  await writeFile(join(TESTDATA, folder, 'index.json'), `${JSON.stringify(samples, undefined, 2)}\n`);
}

const lab = await openLab({ hosts: HOSTS });
const { v4, v6 } = lab.node(HOST);
const known = { own: [v4, v6], open: { tcp: [22, 80], udp: [], sctp: [] } };
for (const folder of ['scans', 'ordinary']) await mkdir(join(TESTDATA, folder), { recursive: true });
for (const { name, run } of SCANS) await sample(lab, 'scans', name, () => run(lab));
const forget = async () => void (await lab.exec(HOST, ['conntrack', '-F']));
for (const { name, run } of KINDS)
  await sample(lab, 'ordinary', name, () =>
    run({ lab, flood: FLOOD, waits: [0, 0, 0], forget, look: async () => {} }),
  );
await writeIndex(
  'scans',
  SCANS.map(({ name, about, sources }) => ({ name, about, ...known, trips: sources(lab) })),
);
await writeIndex(
  'ordinary',
  KINDS.map(({ name, about }) => ({ name, about, ...known, trips: [] })),
);
await lab.close();
