import type { Runner } from '../run/runner.ts';
import { type Check, findings } from './finding.ts';

const { ok, wrong } = findings('system');

/** Oldest Node that the agent runs on, as package.json says. */
const [NODE_MAJOR, NODE_MINOR] = [20, 19];

/** Commands whose versions a report of a fault needs. Those that are not there are no fault by themselves. */
const VERSIONS = [
  ['uname', '-a'],
  ['id'],
  ['nft', '--version'],
  ['tcpdump', '--version'],
  ['ip', '-V'],
  ['iptables', '--version'],
  ['pfctl', '-s', 'info'],
] as const;

/** Node's version; for the transcript the system's and those of its tools too. */
export function systemCheck(run: Runner, nodeVersion: string): Check {
  return async () => {
    for (const argv of VERSIONS) await run({ argv }).catch(() => undefined);
    const [major = 0, minor = 0] = nodeVersion.split('.').map(Number);
    const isNew = major > NODE_MAJOR || (major === NODE_MAJOR && minor >= NODE_MINOR);
    if (isNew) return [ok(`Node ${nodeVersion}`)];
    return [
      wrong(
        `Node ${nodeVersion} is older than ${NODE_MAJOR}.${NODE_MINOR}`,
        `install Node ${NODE_MAJOR}.${NODE_MINOR} or newer (https://nodejs.org/en/download)`,
      ),
    ];
  };
}
