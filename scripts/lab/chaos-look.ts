import { isAlive } from '../../db/src/embedded/postmaster.ts';
import type { Agent } from './agent.ts';
import type { Chaos } from './chaos.ts';
import { readRejected, readShared, readWaiting } from './chaos-stored.ts';
import { readKernel, readOrphans, readProcesses } from './kill-host.ts';
import { soon } from './kill-look.ts';

/** Time for all that waits to reach the collector, ms: after failures an agent waits up to a minute before it tries. */
const DRAIN_MS = 150_000;

/** Within this an agent tells what it has seen, ms: every 2 s, and a second for company. */
const TELL_MS = 6_000;

const LIST_MS = 30_000;

/** Waits until nothing is under way, and tells what does not come to rest. */
export async function settle({ chain, database, lab }: Chaos): Promise<string[]> {
  const agents = [...chain.agents.values()];
  const sinceMs = performance.now();
  const isDrained = async () => {
    const waiting = (await Promise.all(agents.map(readWaiting))).flat();
    return waiting.length === 0 && performance.now() - sinceMs > TELL_MS;
  };
  const found = (await soon(isDrained, DRAIN_MS)) ? [] : ['the spools are not empty in the end'];
  for (const host of chain.agents.keys()) {
    const differences = async () => {
      const wanted = await readShared(database.url());
      const held = new Set((await readKernel(lab, host))?.shared.map(({ source }) => source));
      return (
        [...wanted].filter((one) => !held.has(one)).length +
        [...held].filter((one) => !wanted.has(one)).length
      );
    };
    if (!(await soon(async () => (await differences()) === 0, LIST_MS)))
      found.push(`the list of the network and the kernel of ${host} differ by ${await differences()}`);
  }
  return found;
}

/** Ends everything in order, and tells what is left. */
export async function leftBehind({ lab, chain, database }: Chaos): Promise<string[]> {
  const found: string[] = [];
  for (const [host, agent] of chain.agents) {
    await agent.kill('SIGTERM');
    found.push(...(await leftOf(agent)).map((text) => `agent of ${host}: ${text}`));
    const orphans = await readOrphans(lab, undefined, host);
    if (orphans.length > 0) found.push(`agent of ${host}: processes are left: ${JSON.stringify(orphans)}`);
  }
  await chain.collector.kill('SIGTERM');
  const pids = await database.pids();
  await database.stop();
  const alive = pids.filter(isAlive);
  if (alive.length > 0) found.push(`processes of the database are left: ${alive.join(', ')}`);
  const others = (await readProcesses(lab, 'collector')).filter(({ name }) => /postgres|strace/.test(name));
  if (others.length > 0) found.push(`processes are left at the collector: ${JSON.stringify(others)}`);
  return found;
}

async function leftOf(agent: Agent): Promise<string[]> {
  const [waiting, rejected] = [await readWaiting(agent), await readRejected(agent)];
  return [
    ...(waiting.length > 0 ? [`${waiting.length} batches wait after the end`] : []),
    ...(rejected.length > 0 ? [`${rejected.length} batches were put aside`] : []),
  ];
}
