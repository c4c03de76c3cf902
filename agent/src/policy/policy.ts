import { type Cidr, type PortRange, parseCidr, parsePortRanges } from '@picket/protocol';
import { z } from 'zod';
import {
  CLASSIC_TCP_PORTS,
  CLASSIC_UDP_PORTS,
  IGNORED_TCP_PORTS,
  IGNORED_UDP_PORTS,
} from './classic-ports.ts';
import { durationSchema } from './duration.ts';

const PORTS_ALLOWED = 'ports and ranges from 0 to 65535 like "22,80-82"';

const portsSchema = z.string(PORTS_ALLOWED).transform((text, context): readonly PortRange[] => {
  const ranges = text.trim() === '' ? [] : parsePortRanges(text);
  if (ranges !== undefined) return ranges;
  context.addIssue({ code: 'custom', message: PORTS_ALLOWED });
  return z.NEVER;
});

const cidrSchema = z.string('an address or CIDR').transform((text, context): Cidr => {
  const parsed = parseCidr(text);
  if (parsed.ok) return parsed.cidr;
  context.addIssue({ code: 'custom', message: `an address or CIDR (${parsed.reason})` });
  return z.NEVER;
});

function oneOf<const T extends readonly [string, ...string[]]>(values: T) {
  return z.enum(values, `one of ${values.map((v) => `"${v}"`).join(', ')}`);
}

function wholeNumber(least: number, most: number) {
  const allowed = `a whole number from ${least} to ${most}`;
  return z.int(allowed).min(least, allowed).max(most, allowed);
}

const trueOrFalse = z.boolean('true or false');

const watchSchema = z.strictObject({
  /** How the host watches: `auto` takes `kernel` where nftables and tcpdump are there, else `connect`. */
  engine: oneOf(['auto', 'kernel', 'connect']).default('auto'),
  /** Ports watched by the kernel engine while nothing listens on them. */
  tcp: portsSchema.prefault('0-65535'),
  udp: portsSchema.prefault('0-65535'),
  /**
   * Ports never counted, unused or not. PortSentry's defaults: ident, NetBIOS, RIP and bootp are asked for by servers
   * and neighbours that mean no harm.
   */
  ignore_tcp: portsSchema.prefault(IGNORED_TCP_PORTS),
  ignore_udp: portsSchema.prefault(IGNORED_UDP_PORTS),
});

const connectSchema = z.strictObject({
  /** Ports the connect engine binds; PortSentry's classic lists. */
  tcp: portsSchema.prefault(CLASSIC_TCP_PORTS),
  udp: portsSchema.prefault(CLASSIC_UDP_PORTS),
});

const thresholdSchema = z.strictObject({
  /**
   * Distinct unused ports within the window that trip a source.
   *
   * Four: in Threshold Random Walk (Jung, Paxson, Berger, Balakrishnan 2004) with θ0 = 0.8, θ1 = 0.2, α = 0.01 and
   * β = 0.99 each failed first contact multiplies the likelihood by 4, and 4^4 = 256 passes η1 = 99 while 4^3 = 64
   * does not. Fewer would block a person who mistypes a port; more lets a scanner see more.
   */
  ports: wholeNumber(1, 1_000).default(4),
  /**
   * Time in which spent evidence comes back: a token bucket holds `ports` - 1 tokens and refills in one window.
   * Longer finds slower scans and remembers mistakes longer.
   */
  window: durationSchema('10s', '7d').prefault('1h'),
});

const blockSchema = z.strictObject({
  /** What refuses packets: `auto` takes `nftables` where it works, else `log-only`. */
  firewall: oneOf(['auto', 'nftables', 'log-only']).default('auto'),
  /** How long a source is blocked. */
  duration: durationSchema('10s', '31d').prefault('1h'),
  /**
   * What happens to connections that a blocked source has already: `keep` refuses new ones only, so that forged
   * probes in a client's name cannot cut it off; `cut` drops all packets of sources whose address is proven.
   */
  established: oneOf(['keep', 'cut']).default('keep'),
});

const allowSchema = z.strictObject({
  /** Sources that are never counted and never blocked. */
  sources: z.array(cidrSchema, 'a list of addresses and CIDRs').max(1_000).default([]),
});

const uplinkSchema = z.strictObject({
  /** Whether a collector may be reached by plain http on other than loopback. */
  allow_insecure_http: trueOrFalse.default(false),
});

const kernelSchema = z.strictObject({
  /** NFLOG group over which the kernel tells probes; change it when another program on the host uses it. */
  nflog_group: wholeNumber(1, 65_535).default(4_715),
});

const labSchema = z.strictObject({
  /** Lets loopback be a source for the connect engine. For trials on one machine; never for a real host. */
  loopback_sources: trueOrFalse.default(false),
});

/** Schema of picket.toml. Every key has a default, so that an empty file works; an unknown key is refused. */
export const policySchema = z.strictObject({
  state_dir: z.string('a folder').startsWith('/', 'an absolute path').default('/var/lib/picket'),
  watch: watchSchema.prefault({}),
  connect: connectSchema.prefault({}),
  threshold: thresholdSchema.prefault({}),
  block: blockSchema.prefault({}),
  allow: allowSchema.prefault({}),
  uplink: uplinkSchema.prefault({}),
  kernel: kernelSchema.prefault({}),
  lab: labSchema.prefault({}),
});

/** What a host watches, when a source trips, and what happens then. Durations are in ms. */
export type Policy = z.infer<typeof policySchema>;
