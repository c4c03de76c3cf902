import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { frame, pcap, tcp } from './frames.ts';
import { HOST } from './kill-host.ts';
import type { Tripped } from './kill-model.ts';
import type { Lab } from './lab.ts';

/** Sources that scan the host, each once, one after the other as long as they are wanted. */
export type Trips = {
  /** All that tripped so far. */
  all: Tripped[];
  /** Has some fresh sources scan now; returns when they have. */
  now: (count: number) => Promise<Tripped[]>;
  /** Goes on by itself from now on; or stops, and returns when the last packet is sent. */
  run: (isWanted: boolean) => Promise<void>;
};

/** Unused ports that each asks for: the default threshold. */
export const PORTS = [301, 302, 303, 304] as const;

/** Sources of one batch, and the pause between two batches, ms. */
const PACE = { batch: 3, pauseMs: 150 };

/** Who is scanned, and how: several streams in one lab need serial numbers apart. */
export type TripOptions = {
  host: string;
  /** Number of the first source, below 65,536. */
  first: number;
  /** Unused ports that the n-th source asks for. */
  portsOf: (serial: number) => readonly number[];
  pace: { batch: number; pauseMs: number };
};

/** Frames a second. */
const RATE = 500;

const macOf = async (lab: Lab, node: string) =>
  (await lab.mustExec(node, ['cat', '/sys/class/net/eth0/address'])).trim();

/** Addresses of 198.18.0.0/15 (RFC 2544), whose answers go to the router and end there. */
export async function prepareTrips(lab: Lab, options: Partial<TripOptions> = {}): Promise<Trips> {
  const { host, first, portsOf, pace } = {
    host: HOST,
    first: 0,
    portsOf: () => PORTS,
    pace: PACE,
    ...options,
  };
  await lab.mustExec(host, ['ip', 'route', 'add', '198.18.0.0/15', 'via', lab.node('router').v4]);
  await lab.mustExec('router', ['ip', 'route', 'replace', 'blackhole', '198.18.0.0/15']);
  const [fromMac, toMac] = [await macOf(lab, 'scanner'), await macOf(lab, host)];
  const to = lab.node(host).v4;
  const all: Tripped[] = [];
  let serial = first;
  let isRunning = false;
  let loop: Promise<void> = Promise.resolve();
  const now = async (count: number) => {
    const fresh = Array.from({ length: count }, () => {
      serial += 1;
      return { source: `198.18.${(serial >> 8) & 255}.${serial & 255}`, ports: portsOf(serial) };
    });
    const sources = fresh.map(({ source }) => source);
    const frames = fresh.flatMap(({ source: from, ports }) =>
      ports.map((port) => frame({ fromMac, toMac, from, to }, tcp(40_000, port))),
    );
    const file = join(lab.folder, `trips-${serial}.pcap`);
    await writeFile(file, pcap(frames));
    // While its packets are on their way, a source may be held already or not yet.
    const tripped = sources.map((source) => ({ source, fromMs: Date.now(), toMs: Number.POSITIVE_INFINITY }));
    all.push(...tripped);
    await lab.mustExec('scanner', ['tcpreplay', '-q', '-i', 'eth0', `--pps=${RATE}`, file]);
    for (const trip of tripped) trip.toMs = Date.now();
    return tripped;
  };
  const go = async () => {
    while (isRunning) {
      await now(pace.batch);
      await sleep(pace.pauseMs);
    }
  };
  return {
    all,
    now,
    run: async (isWanted) => {
      const was = isRunning;
      isRunning = isWanted;
      if (isWanted && !was) loop = go();
      if (!isWanted) await loop;
    },
  };
}
