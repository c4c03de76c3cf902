import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Probe } from '@picket/agent/detect/probe';
import type { Lab } from './lab.ts';
import { waitFor } from './wait.ts';

/** A probe as the engine on a node passed it on. */
export interface Seen {
  probe: Probe;
  source: string;
  /** Whether the source is beyond the threshold of the default policy. */
  isOver: boolean;
  isClient: boolean;
  /** Unix ms, of the same clock that stamped the packet. */
  cameAtMs: number;
}

/** The capture engine at work on a node. */
export interface Watch {
  readonly seen: readonly Seen[];
  readonly said: readonly string[];
  seenFrom: (address: string) => Seen[];
  /** Waits until a source has tripped; gives the techniques of its probes. */
  tripped: (address: string) => Promise<string[]>;
  /** Resolves when all that was sent until now is decided: a packet of its own went through and was told. */
  settled: () => Promise<void>;
  /** What the engine says that it lost. */
  lost: () => Promise<number>;
  /** Process ids of its captures. */
  captures: () => Promise<number[]>;
  stop: () => Promise<void>;
}

/** Time to start TypeScript from source, and for a source to trip, ms. */
const READY_MS = 30_000;
const TRIP_MS = 15_000;

/** How often a marker is sent at most. */
const MARKER_TRIES = 3;

/** First port of the markers that show what is decided. */
const MARKERS = 20_000;

/** Keeps the node from answering them. */
const UNANSWERED = `add table inet marker
flush table inet marker
table inet marker {
  chain out {
    type filter hook output priority 0;
    tcp sport ${MARKERS}-${MARKERS + 999} tcp flags & rst == rst drop
  }
}
`;

type Line = Partial<Seen> & { log?: string; ready?: string; lost?: number };

/** Starts the capture engine on a node of a lab, with the default policy and what is added to it. */
export async function watchByCapture(lab: Lab, node: string, config = ''): Promise<Watch> {
  const script = join(import.meta.dirname, 'capture-engine.ts');
  const argv = ['netns', 'exec', lab.namespace(node), process.execPath, '--import', 'tsx', script, config];
  const child = spawn('ip', argv, { stdio: ['pipe', 'pipe', 'inherit'], cwd: import.meta.dirname });
  const [seen, said, lost]: [Seen[], string[], number[]] = [[], [], []];
  let isReady = false;
  createInterface({ input: child.stdout }).on('line', (text) => {
    const line = JSON.parse(text) as Line;
    if (line.probe !== undefined) seen.push(line as Seen);
    if (line.log !== undefined) said.push(line.log);
    if (line.lost !== undefined) lost.push(line.lost);
    isReady ||= line.ready === 'capture';
  });
  await waitFor('the capture engine', () => isReady, READY_MS);
  const seenFrom = (address: string) => seen.filter(({ probe }) => probe.address === address);
  let marker = MARKERS - 1;
  await lab.mustExec(node, ['nft', '-f', '-'], { stdin: UNANSWERED });
  return {
    ...{ seen, said, seenFrom },
    async tripped(address) {
      await waitFor(`${address} to trip`, () => seenFrom(address).some(({ isOver }) => isOver), TRIP_MS);
      return [...new Set(seenFrom(address).map(({ probe }) => probe.technique))];
    },
    async settled() {
      // A SYN without an answer is the slowest to be decided.
      const port = ++marker;
      const mark = ['nping', '--tcp', '--flags', 'syn', '-p', `${port}`, '-c', '1', '-N', '-q', '-H'];
      const isTold = () => seen.some(({ probe }) => probe.port === port);
      // A single packet may get lost on the way, as when a router does not know its neighbour yet.
      for (let again = MARKER_TRIES; again > 0 && !isTold(); again--) {
        await lab.mustExec('far', [...mark, lab.node(node).v4]);
        await waitFor('the marker', isTold, TRIP_MS / MARKER_TRIES).catch((late) => {
          if (again === 1) throw late;
        });
      }
    },
    async lost() {
      const before = lost.length;
      child.stdin.write('\n');
      await waitFor('the count of lost packets', () => lost.length > before, TRIP_MS);
      return lost.at(-1) ?? -1;
    },
    captures: async () => {
      const children = await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8');
      return children.split(' ').filter(Boolean).map(Number);
    },
    async stop() {
      child.stdin.end();
      if (child.exitCode === null) await once(child, 'close');
    },
  };
}
