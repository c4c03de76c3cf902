import { readFile } from 'node:fs/promises';
import { asHost, prepareAgent } from '../../lab/agent.ts';
import type { Lab } from '../../lab/lab.ts';
import { type ListOrder, type ListServer, startListServer } from '../../lab/list-order.ts';
import { blockSpan, probesBetween } from '../../lab/timeline.ts';
import { waitFor } from '../../lab/wait.ts';
import type { Context } from '../bench.ts';
import { memoryOf } from '../cost/meter.ts';
import { openVictimLab, VICTIM } from '../lab/victim.ts';
import { percentile } from '../percentile.ts';
import type { Row } from '../result.ts';
import { processTree } from '../who/processes.ts';
import { settled } from '../who/settled.ts';
import { loadByNft } from './nft-limit.ts';
import { type Send, STREAM_PORT } from './plan.ts';
import { sendAndRecord } from './send.ts';
import { playTrips, prepareHost, tripRows } from './single-probe.ts';

const CASE = 'shared-list-100k';

/** Entries of the list; one of them is a node's, so that its packets show when the list is in force. */
const ENTRIES = 100_000;

const EMPTY: ListOrder = { size: 0, moving: 0, step: 0, pauseMs: 0, isFrozen: false, named: [] };

const READY_MS = 30_000;

/** Trips with the list in force, and while it is loaded again and again. */
const TRIPS = 200;
const LOAD_EVERY_MS = 4_000;

/** Ordinary packets, one each ms: connections of a source that nobody blocks, another one in each phase. */
const PACKETS = 3_000;
const VISITORS = { before: '198.19.255.1', after: '198.19.255.2' } as const;

/** Longest the stream that waits for the list goes on, ms. */
const STREAM_MS = 20_000;

const WHOS = { 'picket-kernel': 'kernel', 'picket-agent-nft': 'capture' } as const;

type Host = { lab: Lab; list: ListServer; who: string; processes: () => Promise<number[]> };

/** A long list of the network: how soon it is in force, and what it costs while it is. */
export async function sharedList(context: Context): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [who, engine] of Object.entries(WHOS)) {
    if (!context.wants(CASE, who)) continue;
    for (const remark of REMARKS) context.remark(remark);
    for (let round = 1; round <= context.rounds; round++) rows.push(...(await measure(context, who, engine)));
  }
  if (context.wants(CASE, 'nft-f')) rows.push(...(await loadByNft(CASE, ENTRIES)));
  return rows;
}

const REMARKS = [
  `${CASE}: seconds from the signed list leaving the collector to the first packet of a listed source that is refused; privateMb is of the agent with the list in force, kernelMb what the slabs of the whole machine grew by; nft-f loads the same into two sets in one transaction`,
  `${CASE}-packets: from a SYN to its answer on the wire, of a source that nobody blocks, one each ms; without-list is the same host before; unanswered of ${PACKETS} but for those that the capture lost`,
  `${CASE}-local-block: ${TRIPS} trips as in single-probe with the list in force; -while-loading: while it comes and goes every ${LOAD_EVERY_MS / 1_000} s`,
];

async function measure(context: Context, who: string, engine: string): Promise<Row[]> {
  const lab = await openVictimLab();
  const rows: Row[] = [];
  const tell = (found: Row[]) => {
    rows.push(...found);
    context.say(
      `${who.padEnd(24)} ${found.map((row) => `${row.case} ${row.metric} ${row.value}`).join(', ')}`,
    );
  };
  try {
    await prepareHost(lab);
    const host = await startHost(lab, who, engine);
    tell(await packetRows(host, 'without-list', VISITORS.before));
    tell(await loadRows(host));
    tell(await packetRows(host, who, VISITORS.after));
    const layout = { trips: TRIPS, probes: 4, windowMs: 100, gapMs: 30 };
    tell(tripRows(`${CASE}-local-block`, who, await playTrips(lab, layout, 'loaded')));
    tell(await whileLoading(host, { ...layout, first: TRIPS }));
  } finally {
    await lab.close();
  }
  return rows;
}

async function startHost(lab: Lab, who: string, engine: string): Promise<Host> {
  const list = await startListServer(lab, VICTIM, EMPTY);
  const settings = `[watch]\nengine = "${engine}"\n[block]\nevidence = "any"\nfirewall = "nftables"\n`;
  const agent = await prepareAgent(lab, VICTIM, settings);
  await agent.enrol(list.joinKey);
  const running = lab.spawn(VICTIM, 'agent', [...asHost(VICTIM), ...agent.argv('run')]);
  await running.printed(/now active and listening/, READY_MS);
  await running.unlessEnded(waitFor('the first list', () => list.served() !== undefined, READY_MS));
  return { lab, list, who, processes: () => processTree(running.pid) };
}

const round = (value: number): number => Math.round(value * 1_000) / 1_000;

/** From a SYN to its answer. */
async function packetRows({ lab }: Host, who: string, visitor: string): Promise<Row[]> {
  const sends = stream(visitor, PACKETS, 1);
  const probes = probesBetween(await sendAndRecord(lab, sends, 'ordinary'), visitor, lab.node(VICTIM).v4);
  const times = probes.flatMap(({ atMs, answeredAtMs }) =>
    answeredAtMs === undefined ? [] : answeredAtMs - atMs,
  );
  // A packet that the capture lost says nothing; one that it saw and nobody answered does.
  if (probes.length < PACKETS * 0.99) throw new Error(`the capture lost ${PACKETS - probes.length} packets`);
  times.sort((a, b) => a - b);
  const row = (metric: string, unit: string, value: number): Row => ({
    case: `${CASE}-packets`,
    who,
    metric,
    unit,
    value,
  });
  return [
    row('p50', 'ms', round(percentile(times, 50))),
    row('p99', 'ms', round(percentile(times, 99))),
    row('unanswered', 'count', probes.length - times.length),
  ];
}

const stream = (from: string, count: number, everyMs: number): Send[] =>
  Array.from({ length: count }, (_, n) => ({
    ...{ atUs: n * everyMs * 1_000, from, fromPort: 2_000 + n, toPort: STREAM_PORT },
  }));

/** Has the list served while a listed source asks on, and weighs it. */
async function loadRows({ lab, list, who, processes }: Host): Promise<Row[]> {
  await settled({ processes });
  const kernelBefore = await slabMb();
  const { v4 } = lab.node('client');
  const recording = sendAndRecord(lab, stream(v4, STREAM_MS / 2, 2), 'loading');
  list.order({ ...EMPTY, size: ENTRIES - 1, named: [v4] });
  const span = blockSpan(probesBetween(await recording, v4, lab.node(VICTIM).v4));
  const served = list.served();
  if (span?.lastAnsweredAtMs === undefined || served?.sources.length !== ENTRIES)
    throw new Error('the list was not in force in time');
  await settled({ processes });
  const { privateMb } = await memoryOf(await processes());
  const row = (metric: string, unit: string, value: number): Row => ({
    case: CASE,
    who,
    metric,
    unit,
    value,
  });
  return [
    row('seconds', 's', round((span.firstUnansweredAtMs - served.servedAtMs) / 1_000)),
    row('privateMb', 'MB', privateMb),
    row('kernelMb', 'MB', Math.round((await slabMb()) - kernelBefore)),
  ];
}

/** Memory of the kernel's own objects, MB; elements of sets are such. */
async function slabMb(): Promise<number> {
  const [, kib] = /^SUnreclaim:\s+(\d+) kB/m.exec(await readFile('/proc/meminfo', 'utf8')) ?? [];
  return (Number(kib) * 1_024) / 1e6;
}

/** Trips while the whole list comes and goes. */
async function whileLoading(
  { lab, list, who }: Host,
  layout: Parameters<typeof playTrips>[1],
): Promise<Row[]> {
  let isFull = true;
  const timer = setInterval(() => {
    isFull = !isFull;
    list.order({ ...EMPTY, size: isFull ? ENTRIES : 0 });
  }, LOAD_EVERY_MS);
  try {
    return tripRows(`${CASE}-while-loading`, who, await playTrips(lab, layout, 'while-loading'));
  } finally {
    clearInterval(timer);
  }
}
