import type { Lab } from './lab.ts';
import type { Running } from './run.ts';
import { waitFor } from './wait.ts';

/** Probes a second to each target: one every 2 ms is the resolution of what is measured with them. */
const RATE = 500;

/** More than any measurement takes: the stream is stopped when it has shown what it was for. */
const MOST_PROBES = 1_000_000;

/** Time until the first probe is on the wire, ms. */
const BEGIN_MS = 10_000;

/**
 * Sends SYNs to an open port of each host, as long as it runs. While a host answers them it does not block the sender,
 * and the first one without an answer shows the block, on the wire and without asking the host. They are no evidence
 * against the sender: something listens on the port. They are never completed, so that the sender does not become a
 * known client either.
 */
export async function startProbeStream(lab: Lab, from: string, hosts: readonly string[]): Promise<Running> {
  const targets = hosts.map((host) => lab.node(host).v4);
  const rate = `${RATE * hosts.length}`;
  const argv = ['nping', '--tcp', '--flags', 'syn', '-p', '80', '--rate', rate, '-c', `${MOST_PROBES}`, '-H'];
  const witnesses = await Promise.all(hosts.map((host) => lab.witness(host)));
  const stream = lab.spawn(from, 'probe-stream', [...argv, '-N', '-q', ...targets]);
  const { v4 } = lab.node(from);
  const areAnswered = async () => {
    const answers = await Promise.all(witnesses.map((witness) => witness.answered(v4)));
    return answers.every(({ accepted }) => accepted > 0);
  };
  await waitFor('the probe stream to be answered', areAnswered, BEGIN_MS);
  return stream;
}
