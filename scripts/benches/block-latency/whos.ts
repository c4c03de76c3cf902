import { fail2ban } from '../who/fail2ban.ts';
import { picket } from '../who/picket.ts';
import { portsentry, portsentryIptables, portsentryRoute } from '../who/portsentry.ts';
import type { Who } from '../who/who.ts';
import type { Layout } from './plan.ts';

/** Somebody whose blocks are timed, and how its trips are laid out. */
export type Timed = { who: Who; layout: Layout };

/** Trips of each, unless `--trips` says otherwise. */
const TRIPS = 1_000;

/** Picket's default. */
const PICKET_PORTS = 4;

/** A thousand fresh sources within minutes are what the default takes for a flood of forged ones. */
const ANY_EVIDENCE = {
  setting: 'evidence = "any"',
  why: 'a thousand fresh sources are over the limit of new_per_minute',
} as const;

const fast = (probes: number): Layout => ({ trips: TRIPS, probes, windowMs: 100, gapMs: 30 });

const agent = (name: string, firewall: string): Timed => ({
  who: picket('capture', { name, firewall, block: [ANY_EVIDENCE] }),
  layout: fast(PICKET_PORTS),
});

/** In the order of the table. */
export const WHOS: readonly Timed[] = [
  { who: picket('kernel', { block: [ANY_EVIDENCE] }), layout: fast(PICKET_PORTS) },
  agent('picket-agent-nft', 'nftables'),
  agent('picket-agent-ipset', 'iptables-ipset'),
  agent('picket-agent-route', 'route'),
  // SCAN_TRIGGER=0, as it is shipped, and fail2ban's maxretry = 1: the first probe trips.
  { who: portsentry, layout: fast(1) },
  { who: portsentryIptables, layout: fast(1) },
  { who: portsentryRoute, layout: fast(1) },
  // It looks once a second: fewer trips, each of which has two seconds and more.
  { who: fail2ban, layout: { trips: 100, probes: 1, windowMs: 2_500, gapMs: 1_000 } },
];
