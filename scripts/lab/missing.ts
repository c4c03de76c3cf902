import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/**
 * Commands without which there is no lab, as Debian's packages iproute2, nftables, tcpdump, nmap, iputils-ping, tcpreplay,
 * conntrack, iptables, ipset and strace bring them.
 */
const COMMANDS = [
  ...['ip', 'nft', 'tcpdump', 'nmap', 'ping', 'tcpreplay', 'conntrack'],
  ...['iptables', 'iptables-legacy', 'ipset', 'strace'],
] as const;

/** What the kernel tells of this process (proc(5)). */
const STATUS = '/proc/self/status';

/** CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN (linux/capability.h). */
const CAPABILITIES = [12n, 13n, 21n];

/** Why the lab cannot run here, in a few words; undefined when it can. Leaves nothing behind. */
export function labMissing(): string | undefined {
  if (!existsSync(STATUS)) return 'the lab needs Linux';
  if (!hasCapabilities()) return 'the lab needs root';
  const absent = COMMANDS.filter((command) => !isCommand(command));
  if (absent.length > 0) return `the lab needs the commands ${absent.join(', ')}`;
  return namespaceFault();
}

/**
 * Root of the machine has them, and so has an ordinary user in a user namespace of its own ("unshare -cnm
 * --keep-caps"); root of a container that gives none has not.
 */
function hasCapabilities(): boolean {
  const [, hex] = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync(STATUS, 'utf8')) ?? [];
  const effective = BigInt(`0x${hex ?? '0'}`);
  return CAPABILITIES.every((bit) => (effective >> bit) & 1n);
}

function isCommand(name: string): boolean {
  return spawnSync(name, ['--version'], { stdio: 'ignore' }).error === undefined;
}

function namespaceFault(): string | undefined {
  const name = `picket-${process.pid}-0-try`;
  const added = spawnSync('ip', ['netns', 'add', name], { encoding: 'utf8' });
  spawnSync('ip', ['netns', 'delete', name], { stdio: 'ignore' });
  if (added.status === 0) return undefined;
  return `the lab needs network namespaces (CAP_SYS_ADMIN), and: ${added.stderr.trim().split('\n')[0]}`;
}
