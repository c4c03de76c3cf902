import type { Lab } from './lab.ts';
import { startProbeStream } from './probe-stream.ts';
import { type BlockSpan, blockSpan, probesBetween } from './timeline.ts';
import { waitFor } from './wait.ts';

/** What the wire shows of one scan. Everything is taken from the capture: neither agents nor collector are asked. */
export type ScanFigures = {
  /** What nmap printed. */
  nmap: string;
  /** Probes that the scanned host answered before it blocked. */
  probesPassed: number;
  /** From the first probe to the first that got no answer any more, ms. */
  blockMs: number;
  /**
   * For each other host: from the last probe that the scanned host answered to the first that this host did not
   * answer any more, ms. It overstates by at most the time between two probes.
   */
  shared: { host: string; msAfterTrip: number }[];
};

/**
 * The scan that Picket is shown and tested with: nmap's own choice of 1000 ports. With a least rate and one retry,
 * since nmap goes on for minutes, by its own control of congestion, against a host that has fallen silent.
 */
export const NMAP = ['nmap', '-sS', '-Pn', '-n', '-T4', '--min-rate', '300', '--max-retries', '1'] as const;

/** Longest wait for the other hosts to block, ms. */
const SHARED_MS = 30_000;

/** Longest a whole scan of 1000 ports against a host that answers nothing may take, ms. */
const NMAP_MS = 300_000;

/** Without an answer for this long, ms, a host is taken to have blocked: the stream sends a probe every 2 ms. */
const SILENCE_MS = 500;

export type ScanOptions = { from: string; target: string; others: readonly string[] };

/** Scans one host with nmap, while a stream of probes shows when the other hosts begin to block. */
export async function scan(lab: Lab, { from, target, others }: ScanOptions): Promise<ScanFigures> {
  const capture = await lab.capture('scan');
  const stream = await startProbeStream(lab, from, others);
  const scanning = lab.mustExec(from, [...NMAP, lab.node(target).v4], { timeoutMs: NMAP_MS });
  // When the wait below fails, the end of the lab ends nmap too, and nobody is left to hear of it.
  scanning.catch(() => {});
  await waitFor(`${others.join(' and ')} to fall silent`, silence(lab, from, others), SHARED_MS);
  await stream.stop();
  const printed = await scanning;
  const packets = await capture.stop();
  const span = (host: string): BlockSpan => {
    const found = blockSpan(probesBetween(packets, lab.node(from).v4, lab.node(host).v4));
    if (found === undefined) throw new Error(`host ${host} still answers the scanner`);
    return found;
  };
  const first = span(target);
  const tripAtMs = first.lastAnsweredAtMs ?? first.firstProbeAtMs;
  return {
    nmap: printed,
    probesPassed: first.passed,
    blockMs: round(first.firstUnansweredAtMs - first.firstProbeAtMs),
    shared: others.map((host) => ({ host, msAfterTrip: round(span(host).firstUnansweredAtMs - tripAtMs) })),
  };
}

/** To a hundredth of a millisecond: the capture's clock tells microseconds. */
const round = (ms: number): number => Math.round(ms * 100) / 100;

/** Condition: no host has answered for a while. */
function silence(lab: Lab, from: string, hosts: readonly string[]): () => Promise<boolean> {
  let answers = -1;
  let sinceMs = performance.now();
  return async () => {
    const counts = await Promise.all(hosts.map((host) => lab.witness(host)));
    const answered = await Promise.all(counts.map((witness) => witness.answered(lab.node(from).v4)));
    const sum = answered.reduce((total, { accepted }) => total + accepted, 0);
    if (sum !== answers) {
      answers = sum;
      sinceMs = performance.now();
    }
    return performance.now() - sinceMs > SILENCE_MS;
  };
}
