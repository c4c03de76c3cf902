import type { Policy } from './policy.ts';
import { UnavailableError } from './unavailable.ts';

/**
 * What an agent takes beyond the capabilities NET_ADMIN and NET_RAW and its own state folder:
 *
 * - `low-ports`: the connect engine binds ports below 1024 (CAP_NET_BIND_SERVICE);
 * - `xtables-lock`: iptables opens its lock file, /run/xtables.lock, which root makes for root alone;
 * - `hosts-deny`: a file of patterns that a line of TCP wrappers' own file names.
 *
 * nftables, ipset and routes take nothing more; nor does a command of the administrator, which runs as the agent does.
 */
export type Need =
  | { readonly kind: 'low-ports' | 'xtables-lock' }
  | { readonly kind: 'hosts-deny'; readonly file: string; readonly daemons: string };

/** The folder in which the service may write a file of patterns. */
export const PATTERNS_FOLDER = '/var/lib/picket-denied';

/** Ports below this take a privilege (ip-sysctl, `ip_unprivileged_port_start`). */
const FIRST_FREE_PORT = 1_024;

/**
 * What a policy takes with the engine and the firewall that it gets on this host.
 *
 * @throws UnavailableError for what the service is never given
 */
export function needsOf(
  { connect, block, hosts_deny }: Policy,
  chosen: { readonly engine: string; readonly firewall: string },
): Need[] {
  const backends: ReadonlySet<string> = new Set([...chosen.firewall.split('+'), ...block.also]);
  const isLow = [...connect.tcp, ...connect.udp].some(([from]) => from < FIRST_FREE_PORT);
  const needs: Need[] = [];
  if (chosen.engine === 'connect' && isLow) needs.push({ kind: 'low-ports' });
  if (backends.has('iptables') || backends.has('iptables-ipset')) needs.push({ kind: 'xtables-lock' });
  if (backends.has('hosts-deny')) needs.push(patternsOf(hosts_deny));
  return needs;
}

/**
 * Only a file of patterns in a folder of its own: whoever writes /etc/hosts.deny itself runs commands as root with it
 * (`spawn` of hosts_options(5)), and replaces it whole only with write access to all of /etc.
 */
function patternsOf({ file, daemons, patterns }: Policy['hosts_deny']): Need {
  const name = file.slice(PATTERNS_FOLDER.length + 1);
  if (patterns && file.startsWith(`${PATTERNS_FOLDER}/`) && /^[\w.-]+$/.test(name) && !name.startsWith('.'))
    return { kind: 'hosts-deny', file, daemons };
  throw new UnavailableError(
    `hosts_deny: the service may not write ${file}. Set patterns = true and file = "${PATTERNS_FOLDER}/list": the installer names that file in /etc/hosts.deny`,
  );
}

/** A need as a line for programs: words with tabs between them. */
export function formatNeed(need: Need): string {
  return need.kind === 'hosts-deny' ? [need.kind, need.file, need.daemons].join('\t') : need.kind;
}
