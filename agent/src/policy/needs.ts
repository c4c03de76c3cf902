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

/** Ports below this take a privilege (ip-sysctl, `ip_unprivileged_port_start`). */
const FIRST_FREE_PORT = 1_024;

/** What a policy takes with the engine and the firewall that it gets on this host. */
export function needsOf(
  { connect, block, hosts_deny: { file, daemons } }: Policy,
  chosen: { readonly engine: string; readonly firewall: string },
): Need[] {
  const backends: ReadonlySet<string> = new Set([chosen.firewall, ...block.also]);
  const isLow = [...connect.tcp, ...connect.udp].some(([from]) => from < FIRST_FREE_PORT);
  const needs: Need[] = [];
  if (chosen.engine === 'connect' && isLow) needs.push({ kind: 'low-ports' });
  if (backends.has('iptables') || backends.has('iptables-ipset')) needs.push({ kind: 'xtables-lock' });
  if (backends.has('hosts-deny')) needs.push({ kind: 'hosts-deny', file, daemons });
  return needs;
}

/**
 * A need as a line for programs: words with tabs between them.
 *
 * @throws UnavailableError for a file whose name no line can hold
 */
export function formatNeed(need: Need): string {
  if (need.kind !== 'hosts-deny') return need.kind;
  const { kind, file, daemons } = need;
  if (/\s/.test(file))
    throw new UnavailableError(`hosts_deny.file = ${JSON.stringify(file)}: must hold no white space`);
  return [kind, file, daemons].join('\t');
}
