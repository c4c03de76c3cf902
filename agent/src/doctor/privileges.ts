import { type Check, findings } from './finding.ts';
import type { HostFiles } from './host-files.ts';

const { ok, note, wrong } = findings('privileges');

/** Capabilities and their bits (linux/capability.h), and what lacks without them. */
const NEEDED = [
  { bit: 12n, name: 'CAP_NET_ADMIN', without: 'no firewall rule can be set' },
  { bit: 13n, name: 'CAP_NET_RAW', without: 'no packet can be captured' },
] as const;

/** Effective capabilities of a process's status (proc_pid_status(5)); undefined where there are none to read. */
export function effectiveCapabilities(status: string): bigint | undefined {
  const hex = /^CapEff:\s*([0-9a-f]{1,16})$/m.exec(status)?.[1];
  return hex === undefined ? undefined : BigInt(`0x${hex}`);
}

/**
 * What the running agent may, or else this process.
 *
 * @param agentPid process of the running agent
 */
export function privilegesCheck(files: HostFiles, agentPid: number | undefined): Check {
  return async () => {
    const has = effectiveCapabilities((await files.read(`/proc/${agentPid ?? 'self'}/status`)) ?? '');
    if (has === undefined)
      return [note('this system has no capabilities to look at: the agent runs as root')];
    const missing = NEEDED.filter(({ bit }) => ((has >> bit) & 1n) === 0n);
    if (missing.length === 0)
      return [
        ok(
          `${agentPid === undefined ? 'this user' : 'the agent'} has ${NEEDED.map(({ name }) => name).join(' and ')}`,
        ),
      ];
    const words = missing.map(({ name, without }) => `${name} (${without})`).join(', ');
    if (agentPid === undefined)
      return [
        note(
          `this user lacks ${words}: what is said below of firewalls and engines is as this user`,
          'run this as root',
        ),
      ];
    return [
      wrong(
        `the running agent lacks ${words}`,
        'start it as the service picket-agent, whose unit grants both; look for drop-ins with systemctl cat picket-agent',
      ),
    ];
  };
}
