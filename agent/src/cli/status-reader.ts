import type { Agent } from '../agent-port.ts';
import type { Status } from '../control/messages.ts';
import { statusMessage } from '../control/status.ts';
import type { Firewall } from '../firewall/firewall.ts';
import { procfsListeners } from '../host/listeners-procfs.ts';
import type { Enrolment } from '../uplink/enrolment.ts';
import type { Uplink } from '../uplink/uplink.ts';
import type { Engine } from '../watch/engine.ts';

/** The parts of a running agent that its status tells of. */
export interface Running {
  readonly startedAtMs: number;
  readonly engine: Engine;
  readonly firewall: Firewall;
  readonly enforces: () => boolean;
  readonly agent: Agent;
  readonly uplink: Uplink;
  readonly enrolment: Enrolment | undefined;
}

/** A reader of the status of a running agent. */
export function statusReader(running: Running): () => Promise<Status> {
  const { startedAtMs, engine, firewall, enforces, agent, uplink, enrolment } = running;
  return async () =>
    statusMessage({
      ...{ startedAtMs, nowMs: Date.now(), engine: engine.name, firewall: firewall.name },
      ...{ enforces: enforces(), stance: agent.stance(), figures: agent.figures() },
      ...{ uplink: uplink.status(), enrolment, listeners: await openPorts() },
    });
}

/** Ports that this host serves; undefined on systems without procfs. */
async function openPorts(): Promise<Status['listeners']> {
  const sockets = await procfsListeners()().catch(() => undefined);
  if (sockets === undefined) return undefined;
  return Object.entries(sockets.listeners).flatMap(([transport, ports]) =>
    [...ports].map((port) => ({ transport, port })),
  );
}
