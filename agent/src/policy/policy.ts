import { z } from 'zod';
import {
  CLASSIC_TCP_PORTS,
  CLASSIC_UDP_PORTS,
  IGNORED_IP_PROTOCOLS,
  IGNORED_TCP_PORTS,
  IGNORED_UDP_PORTS,
} from './classic-ports.ts';
import { collectorUrlsSchema, proxySchema, refuseReadable } from './collector-url.ts';
import { templateFault } from './command-template.ts';
import { durationSchema } from './duration.ts';
import { scannerSchema, sourceNameSchema } from './sources.ts';
import { interfaceSchema, oneOf, portsSchema, protocolsSchema, trueOrFalse, wholeNumber } from './values.ts';

const watchSchema = z.strictObject({
  /**
   * How the host watches: `auto` takes `kernel` where nftables and tcpdump are there, else `capture` where tcpdump (or
   * snoop) is, else `connect`.
   */
  engine: oneOf(['auto', 'kernel', 'capture', 'connect']).default('auto'),
  /**
   * Ports watched by the engines `kernel` and `capture` while nothing listens on them. All, since both know at the time
   * of the packet what is unused; PortSentry's habit was `0-1023`.
   */
  tcp: portsSchema.prefault('0-65535'),
  udp: portsSchema.prefault('0-65535'),
  sctp: portsSchema.prefault('0-65535'),
  /** IP protocols watched, by number. */
  ip: protocolsSchema.prefault('0-255'),
  /**
   * Ports never counted, unused or not. PortSentry's defaults: ident, NetBIOS, RIP and bootp are asked for by servers
   * and neighbours that mean no harm.
   */
  ignore_tcp: portsSchema.prefault(IGNORED_TCP_PORTS),
  ignore_udp: portsSchema.prefault(IGNORED_UDP_PORTS),
  ignore_sctp: portsSchema.prefault(''),
  /** IP protocols never counted: those that neighbours and tunnels speak, and those that are watched by port. */
  ignore_ip: protocolsSchema.prefault(IGNORED_IP_PROTOCOLS),
  /** Interfaces on which nothing is counted, by name. */
  ignore_interfaces: z.array(interfaceSchema, 'a list of interface names').max(64).default([]),
  /**
   * What unused ports answer to sources that are not blocked yet: `system`, what the system answers (RST, ICMP); or
   * `silent`, nothing, so that a scanner has to wait for its time limits. Only the kernel engine can be silent.
   */
  answer: oneOf(['system', 'silent']).default('system'),
});

const connectSchema = z.strictObject({
  /** Ports the connect engine binds; PortSentry's classic lists. */
  tcp: portsSchema.prefault(CLASSIC_TCP_PORTS),
  udp: portsSchema.prefault(CLASSIC_UDP_PORTS),
  /** Text that whoever connects gets before the connection is closed; none when empty. PortSentry's PORT_BANNER. */
  banner: z.string('a text').max(512, 'at most 512 characters').default(''),
});

const captureSchema = z.strictObject({
  /** Interfaces that the capture engine listens on, by name; empty: all that are up, but for loopback. */
  interfaces: z.array(interfaceSchema, 'a list of interface names').max(64).default([]),
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
   * The same for a source that this host knows as a client, since it had a real connection within the window.
   *
   * Seven: by the same test a source that succeeded a few times stands at η0 = (1 - β) / (1 - α) = 0.0101, where the walk
   * stops in its favour. From there 4^7 is the first power that passes η1 = 99.
   */
  client_ports: wholeNumber(1, 1_000).default(7),
  /**
   * The same for weak evidence alone: ACK, window and Maimon scans, which late packets of forgotten connections look like.
   * Weak evidence of a source that gave ordinary evidence within the window counts as ordinary.
   *
   * Twelve: taken as 1.5 times (and not 4 times) as likely from a scanner as from a client, 1.5^12 is the first power that
   * passes η1 = 99.
   */
  weak_ports: wholeNumber(1, 1_000).default(12),
  /**
   * Time in which spent evidence comes back: a token bucket holds `ports` - 1 tokens and refills in one window.
   * Longer finds slower scans and remembers mistakes longer. Four hours see a scanner that waits an hour between two
   * ports; nmap's slowest template, -T0, waits five minutes.
   */
  window: durationSchema('10s', '7d').prefault('4h'),
  /** Ports on which a single probe trips a source at once. None by default: one packet is easily forged. */
  tripwire_tcp: portsSchema.prefault(''),
  tripwire_udp: portsSchema.prefault(''),
});

/** Names of the backends, as `block.firewall` and reports give them. */
export const FIREWALLS = [
  'nftables',
  'iptables-ipset',
  'iptables',
  'pf',
  'ipfw',
  'ipfilter',
  'route',
  'hosts-deny',
  'command',
  'log-only',
] as const;

const blockSchema = z.strictObject({
  /**
   * What refuses packets: `auto` takes the best that works on this host, in the order nftables, iptables-ipset, iptables,
   * pf, ipfw, ipfilter, route, and else `log-only`.
   */
  firewall: oneOf(['auto', ...FIREWALLS]).default('auto'),
  /** What is done beside it: lines for TCP wrappers, the administrator's own command. */
  also: z.array(oneOf(['hosts-deny', 'command']), 'a list of "hosts-deny" and "command"').default([]),
  /** How long a source is blocked the first time. */
  duration: durationSchema('10s', '31d').prefault('1h'),
  /** So many times longer is each next block of a source that comes back; 1: always the same. */
  factor: z
    .number('a number from 1 to 10')
    .min(1, 'a number from 1 to 10')
    .max(10, 'a number from 1 to 10')
    .default(4),
  /** No block is longer. */
  longest: durationSchema('10s', '31d').prefault('7d'),
  /** The same for what only forgeable evidence says: whoever forges in somebody's name must not shut him out for a week. */
  longest_forgeable: durationSchema('10s', '31d').prefault('1d'),
  /** After so long without a trip, one offence of a source is forgotten; and so on until none is left. */
  forgive: durationSchema('1h', '365d').prefault('7d'),
  /**
   * Evidence that may block: `any`; `handshake`, only what a source showed with an address that is proven its own; or
   * `any-but-limited`: forgeable evidence blocks only `new_per_minute` sources a minute. What is over it is told and not
   * blocked, since no real scan comes from so many sources at once and a flood of forged ones does.
   */
  evidence: oneOf(['any-but-limited', 'any', 'handshake']).default('any-but-limited'),
  new_per_minute: wholeNumber(1, 100_000).default(60),
  /**
   * Evidence that may block a source that had a real connection to a service of this host within the window: `handshake`,
   * since anybody can forge packets in a client's name; on forgeable evidence its connections, old and new, go on, and
   * with the kernel engine unused ports fall silent to it. `any`: a client is blocked as anybody, at
   * `threshold.client_ports`.
   */
  clients: oneOf(['handshake', 'any']).default('handshake'),
  /**
   * What happens to connections that a blocked source has already: `keep` refuses new ones only, so that forged
   * probes in a client's name cannot cut it off; `cut` drops all packets of sources whose address is proven.
   */
  established: oneOf(['keep', 'cut']).default('keep'),
  /** Whether what is forwarded to containers and virtual machines is covered too, or only what is for the host itself. */
  forwarded: trueOrFalse.default(true),
  /** Widest networks taken from the shared list: shortest prefix of IPv4 and of IPv6. */
  shared_min_prefix4: wholeNumber(8, 32).default(24),
  shared_min_prefix6: wholeNumber(19, 64).default(48),
});

const hostsDenySchema = z.strictObject({
  /** The file of TCP wrappers; FreeBSD reads only /etc/hosts.allow. */
  file: z
    .string('a file')
    .regex(/^\/[^\0\n]{1,1023}$/, 'an absolute path')
    .default('/etc/hosts.deny'),
  /** Services that the lines are for; see hosts_access(5). */
  daemons: z
    .string('daemon names like "ALL" or "sshd"')
    .regex(/^[\w.@-][\w.@, -]{0,199}$/, 'daemon names like "ALL" or "sshd"')
    .default('ALL'),
  /**
   * Whether the file is one of patterns alone, which a rule of the real file names (hosts_access(5)): an agent that is not
   * root may write that, and not /etc/hosts.deny.
   */
  patterns: trueOrFalse.default(false),
});

const ARGV_ALLOWED = 'a list of a program and its arguments, at most 64';

const argumentSchema = z
  .string('a text')
  .max(4_096, 'at most 4096 characters')
  .refine((text) => !text.includes('\0'), 'a text without NUL')
  .superRefine((text, context) => {
    const fault = templateFault(text);
    if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
  });

const argvSchema = z
  .array(argumentSchema, ARGV_ALLOWED)
  .max(64, ARGV_ALLOWED)
  .refine(([program]) => program !== '', 'a list that begins with a program');

const commandSchema = z.strictObject({
  /**
   * Program and arguments for each new block; no shell reads them. `{address}`, `{source}`, `{port}`, `{transport}`,
   * `{technique}`, `{mode}` (PortSentry's word) and `{until}` become what they say; `{{port}}` is `{port}` itself.
   */
  argv: argvSchema.default([]),
  /** The same when a block ends; none when empty. */
  unblock_argv: argvSchema.default([]),
  /** Whether it runs before or after the block is in force. */
  when: oneOf(['after', 'before']).default('after'),
  /** Hands the arguments, joined by spaces, to /bin/sh. */
  shell: trueOrFalse.default(false),
  time_limit: durationSchema('1s', '5m').prefault('10s'),
});

const allowSchema = z.strictObject({
  /** Sources that are never counted and never blocked; names are resolved again and again. */
  sources: z.array(sourceNameSchema, 'a list of addresses, CIDRs and host names').max(1_000).default([]),
  /** Whether whoever has an authenticated session on this host (logind, utmp) is never blocked while it lasts. */
  sessions: trueOrFalse.default(true),
});

const uplinkSchema = z.strictObject({
  /**
   * URLs of the one collector, in order of preference: the next is taken when one fails, and the first again once it
   * answers. They replace the URL of the join key; whichever is called, the pinned key has to sign.
   */
  urls: collectorUrlsSchema.default([]),
  /** Proxy for all that goes to the collector, by CONNECT; none when empty. Variables of the environment are not read. */
  proxy: proxySchema.default(''),
  /** Certificate authorities, in PEM form, that are trusted beside the system's; none when empty. */
  ca_file: z
    .string('a file')
    .regex(/^(?:\/[^\0\n]{1,1023})?$/, 'an absolute path')
    .default(''),
  /**
   * Most disk space for events that the collector has not taken yet, MiB. 64 hold some 200,000 sightings. Each batch has
   * its place in memory: some 16 MB for 64 MiB of the smallest ones, some 125 MB for 512.
   */
  spool_megabytes: wholeNumber(1, 512).default(64),
  /** Events that the collector has not taken for so long are given up. It takes none that are older than 31 days. */
  spool_age: durationSchema('1h', '31d').prefault('31d'),
  /** Whether a collector may be reached by plain http on other than loopback. */
  allow_insecure_http: trueOrFalse.default(false),
});

const kernelSchema = z.strictObject({
  /** NFLOG group over which the kernel tells probes; change it when another program on the host uses it. */
  nflog_group: wholeNumber(1, 65_535).default(4_715),
});

const reportSchema = z.strictObject({
  /**
   * Structured lines beside PortSentry's, one JSON object an event: `rfc5424` writes them to the system log with RFC 5424
   * structured data, `journald` as fields of the journal.
   */
  json: oneOf(['off', 'rfc5424', 'journald']).default('off'),
});

const labSchema = z.strictObject({
  /** Lets loopback be a source for the connect engine. For trials on one machine; never for a real host. */
  loopback_sources: trueOrFalse.default(false),
});

/** Schema of picket.toml. Every key has a default, so that an empty file works; an unknown key is refused. */
export const policySchema = z
  .strictObject({
    state_dir: z
      .string('a folder')
      .startsWith('/', 'an absolute path')
      .refine((path) => !path.includes('\0'), 'an absolute path, without a zero character')
      .default('/var/lib/picket'),
    /** `observe` tells each decision and carries none out: for a first week on a host that people depend on. */
    mode: oneOf(['enforce', 'observe']).default('enforce'),
    watch: watchSchema.prefault({}),
    connect: connectSchema.prefault({}),
    capture: captureSchema.prefault({}),
    threshold: thresholdSchema.prefault({}),
    block: blockSchema.prefault({}),
    hosts_deny: hostsDenySchema.prefault({}),
    command: commandSchema.prefault({}),
    allow: allowSchema.prefault({}),
    /** Authorised scanners: allowed only at their times. */
    scanner: z.array(scannerSchema, 'a list of [[scanner]] tables').max(100).default([]),
    report: reportSchema.prefault({}),
    uplink: uplinkSchema.prefault({}),
    kernel: kernelSchema.prefault({}),
    lab: labSchema.prefault({}),
  })
  .superRefine(({ block, command }, context) => {
    const asks = block.firewall === 'command' ? 'block.firewall' : 'block.also';
    if (command.argv.length > 0 || (asks === 'block.also' && !block.also.includes('command'))) return;
    const message = `a program and its arguments, since ${asks} asks for "command"`;
    context.addIssue({ code: 'custom', path: ['command', 'argv'], message });
  })
  .superRefine(refuseReadable);

/** What a host watches, when a source trips, and what happens then. Durations are in ms. */
export type Policy = z.infer<typeof policySchema>;
