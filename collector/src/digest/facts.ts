import { tierSchema } from '@picket/protocol';
import { z } from 'zod';

/** Most scanners whose details are kept in a digest's facts; the totals count all of them. */
export const MAX_SCANNERS = 50;

/** Most sightings told of one scanner, those that tripped and those with most probes first. */
export const MAX_SIGHTINGS_PER_SCANNER = 5;

/** Most blocks told one by one that people asked for. */
export const MAX_PEOPLES_BLOCKS = 10;

/** Most orders of people on hosts that are told one by one. */
export const MAX_ACTS = 10;

/** Most port ranges per transport kept of one sighting. */
export const MAX_RANGES = 16;

const ms = z.number();
const count = z.number();
const ranges = z.array(z.tuple([z.int(), z.int()])).catch([]);

/** What a host did itself against a scanner. */
const localBlockSchema = z.object({
  atMs: ms,
  untilMs: ms,
  tier: tierSchema,
  enforced: z.boolean(),
  droppedPackets: count,
});

const sightingFactsSchema = z.object({
  host: z.string(),
  tcp: ranges,
  udp: ranges,
  sctp: ranges,
  ip: ranges,
  ports: count,
  probes: count,
  firstMs: ms,
  lastMs: ms,
  trippedMs: ms.nullable(),
  block: localBlockSchema.nullable(),
});

/** One host's part in what is told of a scanner. */
export type SightingFacts = z.infer<typeof sightingFactsSchema>;

const sharedBlockSchema = z.object({
  source: z.string(),
  atMs: ms,
  untilMs: ms,
  /** When it was lifted before its end. */
  removedMs: ms.nullable(),
  tier: tierSchema,
  reason: z.string(),
  author: z.string(),
});

/** A block of the network's shared list. */
export type SharedBlock = z.infer<typeof sharedBlockSchema>;

const scannerFactsSchema = z.object({
  source: z.string(),
  /** One address really seen; differs from `source` for an IPv6 /64. */
  address: z.string(),
  /** Name of the host of this very network that the address belongs to. */
  ownHost: z.string().nullable(),
  /** Reason of the allow entry that keeps it from being blocked. */
  allowed: z.string().nullable(),
  techniques: z.array(z.tuple([z.string(), count])),
  probes: count,
  /** Most distinct unused ports probed on one host. */
  ports: count,
  hosts: count,
  /** Hosts on whose own evidence it tripped. */
  trippedHosts: count,
  /** Hosts that refuse its packets: by their own block, or by the shared list as of their last status. */
  hostsInForce: count,
  /** Hosts that would have blocked it and only observe. */
  observingHosts: count,
  droppedPackets: count,
  firstMs: ms,
  lastMs: ms,
  evidence: z.enum(['handshake', 'forgeable']),
  /** An earlier mail has told of these sightings; this one tells what changed since. */
  again: z.boolean(),
  /** How often the network has blocked it so far. */
  timesBlocked: count,
  shared: sharedBlockSchema.nullable(),
  sightings: z.array(sightingFactsSchema),
});

/** What is told of one scanner. */
export type ScannerFacts = z.infer<typeof scannerFactsSchema>;

const totalsSchema = z.object({
  scanners: count,
  /** Scanners that a host blocked itself or that the network blocks. */
  blocked: count,
  /** The others that are no hosts of this network: on the allow list, seen by hosts that only observe, neither. */
  allowed: count,
  observed: count,
  unblocked: count,
  /** Scanners whose address is one of the network's own hosts. */
  ownHosts: count,
  hostsTouched: count,
  probes: count,
  droppedPackets: count,
  /** Fewest and most hosts on which one of the blocked scanners is refused. */
  fewestInForce: count,
  mostInForce: count,
  /** Latest end of their blocks, Unix ms. */
  untilMs: ms.nullable(),
});

const peoplesBlockSchema = sharedBlockSchema.extend({ hostsInForce: count });

/** A block of the shared list that a person asked for. */
export type PeoplesBlock = z.infer<typeof peoplesBlockSchema>;

const hostActSchema = z.object({
  host: z.string(),
  act: z.enum(['block', 'unblock', 'allow', 'disallow']),
  source: z.string(),
  by: z.string(),
  atMs: ms,
  untilMs: ms.nullable(),
});

/** What a person ordered on one host, for that host alone. */
export type HostAct = z.infer<typeof hostActSchema>;

/** What the store reads at a claim: all that no earlier mail has told. Bounded, whatever happened. */
export const newsSchema = z.object({
  totals: totalsSchema,
  /** Sources that tripped nowhere and are not blocked. */
  below: z.object({ sources: count, probes: count, hosts: count }),
  scanners: z.array(scannerFactsSchema).max(MAX_SCANNERS),
  people: z.object({
    added: count,
    lifted: count,
    blocks: z.array(peoplesBlockSchema).max(MAX_PEOPLES_BLOCKS),
  }),
  /** What people ordered on hosts; absent from facts of older releases. */
  acts: z.object({ count, last: z.array(hostActSchema).max(MAX_ACTS) }).optional(),
  /** Hosts of the network. */
  hosts: count,
});

export type News = z.infer<typeof newsSchema>;

/** What a mail tells, fixed at its claim and stored with it: a repeated try tells the same. */
export const factsSchema = newsSchema.extend({
  version: z.literal(1),
  network: z.object({ name: z.string(), zone: z.string() }),
  /** There while the whole network is in observe mode, with its end if it has one; absent from facts of older releases. */
  observe: z.object({ untilMs: ms.nullable() }).optional(),
  /** The full hour the mail is due at, or the moment a person asked for it. */
  hourMs: ms,
  /** A person asked for it between the hours. */
  asked: z.boolean(),
  /** The hour of the mail before. */
  previousMs: ms.nullable(),
});

export type Facts = z.infer<typeof factsSchema>;

/** Whether there is anything that makes a mail: sightings below the threshold alone do not. */
export function isWorthMail(news: Pick<News, 'totals' | 'people'>): boolean {
  return news.totals.scanners > 0 || news.people.added > 0;
}

/** Whether nothing told here is in force anywhere because the network is in observe mode. */
export function isOnlyObserved({ observe, totals }: Pick<Facts, 'observe' | 'totals'>): boolean {
  return observe !== undefined && totals.mostInForce === 0;
}

/** Whether a scanner would be blocked if the network were not in observe mode. */
export function wouldBeBlocked(scanner: ScannerFacts, { observe }: Pick<Facts, 'observe'>): boolean {
  const isDecided = scanner.shared !== null || scanner.sightings.some(({ block }) => block !== null);
  return observe !== undefined && scanner.hostsInForce === 0 && isDecided;
}
