import type { Policy } from '../policy/policy.ts';
import type { FaultContext } from './http-fault.ts';
import { tlsTrust } from './tls-trust.ts';
import type { TransportOptions } from './transport.ts';

/** How a client of the collector connects. */
export type Connection = TransportOptions & FaultContext;

/**
 * What a policy says of the way to the collector. Variables of the environment have no say: a service has none, and
 * what an administrator's shell has must not decide whether an enrolment works.
 *
 * @throws UplinkError `ERR_CA_FILE`
 */
export async function connectionOf({ uplink }: Pick<Policy, 'uplink'>): Promise<Connection> {
  const caFile = uplink.ca_file === '' ? undefined : uplink.ca_file;
  const proxy = uplink.proxy === '' ? undefined : new URL(uplink.proxy);
  return { trust: await tlsTrust(caFile), caFile, proxy };
}

/** Names and addresses that the host must be able to reach to report: of the collector, or of the proxy before it. */
export function hostsOnTheWay({ uplink }: Pick<Policy, 'uplink'>, enrolledUrl: string | undefined): string[] {
  const urls = uplink.urls.length > 0 ? uplink.urls : enrolledUrl === undefined ? [] : [enrolledUrl];
  const all = uplink.proxy === '' ? urls : [...urls, uplink.proxy];
  return [...new Set(all.map((url) => new URL(url).hostname.replace(/^\[|\]$/g, '')))];
}
