import { join, resolve } from 'node:path';
import { openPorts } from '../../lab/chain.ts';
import { frame, tcp } from '../../lab/frames.ts';
import type { Lab } from '../../lab/lab.ts';
import { macOf, sendFrames } from '../lab/replay.ts';
import { routeAnswers, VICTIM } from '../lab/victim.ts';

/** A load on the victim. */
export type Load = {
  name: string;
  /** What has to be so before it begins. */
  before: (lab: Lab, isEnforced: boolean) => Promise<void>;
  /** Sends it, and returns at its end. */
  send: (lab: Lab) => Promise<void>;
  about: string;
};

/** How long each load lasts, s. */
const SECONDS = 5;

/** Packets a second. */
export const RATES = { probes: 10_000, flood: 50_000 } as const;

const nothing = async () => {};

/**
 * Addresses of the benchmarking network, 198.18.0.0/15 (RFC 2544): each probe has its own, so that no source is blocked
 * and each probe is told. The answers go to the router, which throws them away.
 */
async function sendProbes(lab: Lab): Promise<void> {
  const head = await headOf(lab);
  const frames = Array.from({ length: RATES.probes * SECONDS }, (_, i) => {
    const from = `198.${18 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`;
    return frame({ ...head, from }, tcp(40_000 + (i % 1_000), 100 + (i % 10) * 50));
  });
  await sendFrames(lab, 'scanner', frames, { perSecond: RATES.probes, name: 'probes' });
}

/** Has the scanner blocked by a scan of its own. */
async function beBlocked(lab: Lab, isEnforced: boolean): Promise<void> {
  const { v4 } = lab.node(VICTIM);
  await lab.mustExec('scanner', ['nmap', '-n', '-Pn', '-sS', '-p', '300-400', '--max-retries', '0', v4]);
  if (!isEnforced) return;
  for (let tries = 0; tries < 5; tries++)
    if ((await openPorts(lab, 'scanner', v4, '80')).length === 0) return;
  throw new Error('the scanner is not blocked');
}

/** SYNs of the blocked source to a thousand ports, again and again. */
async function sendFlood(lab: Lab): Promise<void> {
  const head = await headOf(lab);
  const from = lab.node('scanner').v4;
  const frames = Array.from({ length: 10_000 }, (_, i) =>
    frame({ ...head, from }, tcp(40_000 + (i % 7_000), 1 + (i % 1_000))),
  );
  const loops = (RATES.flood * SECONDS) / frames.length;
  await sendFrames(lab, 'scanner', frames, { perSecond: RATES.flood, name: 'flood', loops });
}

/** As fast as it goes, over one connection to an open port, each segment a packet of its own. */
async function sendBulk(lab: Lab): Promise<void> {
  const script = join(import.meta.dirname, 'bulk.ts');
  await lab.mustExec('client', ['ip', 'link', 'set', 'eth0', 'gso_max_segs', '1']);
  const argv = [process.execPath, '--import', 'tsx', script, lab.node(VICTIM).v4, '443', `${SECONDS}`];
  await lab.mustExec('client', argv, { cwd: resolve(import.meta.dirname, '../../..') });
}

async function headOf(lab: Lab) {
  const [fromMac, toMac] = await Promise.all([macOf(lab, 'scanner'), macOf(lab, VICTIM)]);
  return { fromMac, toMac, to: lab.node(VICTIM).v4 };
}

/** The loads, in the order of the table. */
export const LOADS: readonly Load[] = [
  {
    name: 'probes',
    before: routeAnswers,
    send: sendProbes,
    about: `${RATES.probes}/s, each of a new source`,
  },
  {
    name: 'blocked-flood',
    before: beBlocked,
    send: sendFlood,
    about: `${RATES.flood}/s of one source that is blocked already`,
  },
  { name: 'bulk-open-port', before: nothing, send: sendBulk, about: 'one TCP connection as fast as it goes' },
];
