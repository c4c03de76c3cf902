import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');

/** What a machine and the tests in it take, as `ensure_packages` of scripts/lib/setup.sh reads it. */
const PACKAGES =
  'systemctl:systemd busybox:busybox nft:nftables tcpdump:tcpdump curl:curl logger:bsdutils iptables-legacy:iptables tcpdmatch:tcpd';

/**
 * Why no machine with systemd can be booted here, or undefined when one can. As root it first installs the Debian
 * packages that are missing; systemd only lies there, it does not become the init system of this machine.
 */
export function machineMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'a machine with systemd needs root';
  const script = `. scripts/lib/setup.sh; ensure_packages ${PACKAGES}`;
  const ensured = spawnSync('sh', ['-c', script], { cwd: ROOT, encoding: 'utf8' });
  if (ensured.status !== 0) return `a machine with systemd needs packages: ${ensured.stderr.trim()}`;
  if (!existsSync('/lib/systemd/systemd')) return 'a machine with systemd needs /lib/systemd/systemd';
  const tried = spawnSync('unshare', ['-pfmnuiC', 'true'], { encoding: 'utf8' });
  if (tried.status !== 0) return `a machine with systemd needs namespaces, and: ${tried.stderr.trim()}`;
  return undefined;
}
