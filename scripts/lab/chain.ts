import { join, resolve } from 'node:path';
import { z } from 'zod';
import { type Agent, hostName, prepareAgent } from './agent.ts';
import { type Collector, prepareCollector } from './collector.ts';
import type { Lab } from './lab.ts';
import { type MailServer, startMailServer } from './mail.ts';
import { waitFor } from './wait.ts';

/** Name of the network that the lab's hosts make. */
export const NETWORK = 'lab';

/** Who gets the network's mail. */
export const RECIPIENT = 'admin@example.net';

/** Time for all hosts to have told the collector that they are there, ms. */
const REPORTED_MS = 60_000;

/** All parts of Picket at work in a lab. */
export type Chain = {
  mailServer: MailServer;
  collector: Collector;
  agents: ReadonlyMap<string, Agent>;
};

const hostsSchema = z.array(z.object({ name: z.string(), statusAt: z.unknown() }));

/**
 * Sets Picket up as an administrator does: collector, network, join key, then an agent on each host. Returns when each
 * host has reported.
 *
 * @param options `settings`: lines of each agent's config beside the lab's own
 */
export async function startChain(
  lab: Lab,
  { settings, ...options }: { databaseUrl?: string; settings?: string } = {},
): Promise<Chain> {
  const mailServer = await startMailServer(lab);
  const collector = prepareCollector(lab, { smtpUrl: mailServer.url, ...options });
  await collector.start();
  await collector.picket('network', 'add', NETWORK, '--mail', RECIPIENT);
  const joinKey = await newJoinKey(collector, lab.hosts.length);
  const agents = new Map<string, Agent>();
  for (const { name } of lab.hosts) {
    const agent = await prepareAgent(lab, name, settings);
    await agent.enrol(joinKey);
    agents.set(name, agent);
    await agent.start();
  }
  await waitFor('each host to report', () => haveReported(collector, lab), REPORTED_MS);
  return { mailServer, collector, agents };
}

async function newJoinKey(collector: Collector, uses: number): Promise<string> {
  const printed = await collector.picket('join-key', NETWORK, '--uses', `${uses}`);
  const joinKey = /picket1\.[\w-]+/.exec(printed)?.[0];
  if (joinKey === undefined) throw new Error(`no join key in:\n${printed}`);
  return joinKey;
}

async function haveReported(collector: Collector, lab: Lab): Promise<boolean> {
  const hosts = hostsSchema.parse(JSON.parse(await collector.picket('hosts', NETWORK, '--json')));
  return lab.hosts.every(({ name }) => hosts.some((host) => host.name === hostName(name) && host.statusAt));
}

/** Whether a client that means no harm gets the page and the banner of every host, over both families. */
export async function reachesAll(lab: Lab, from: string): Promise<{ ok: boolean; said: string }> {
  const script = join(import.meta.dirname, 'visitor.ts');
  const addresses = lab.hosts.flatMap(({ v4, v6 }) => [v4, v6]);
  const { status, stdout, stderr } = await lab.exec(
    from,
    [process.execPath, '--import', 'tsx', script, ...addresses],
    { cwd: resolve(import.meta.dirname, '../..') },
  );
  return { ok: status === 0, said: stdout + stderr };
}

/** Ports that nmap finds open on an address. */
export async function openPorts(lab: Lab, from: string, address: string, ports: string): Promise<number[]> {
  const argv = ['nmap', '-sS', '-Pn', '-n', '-p', ports, '-oG', '-', address];
  const printed = await lab.mustExec(from, address.includes(':') ? [...argv, '-6'] : argv);
  return [...printed.matchAll(/(\d+)\/open\//g)].map(([, port]) => Number(port));
}
