import { join } from 'node:path';
import { MAX_BATCH_AGE_MS, type NeverBlockFacts, type StatusEvent } from '@picket/protocol';
import type { Policy } from '../policy/policy.ts';
import type { Log } from '../report/log.ts';
import { type AcceptedList, acceptList, DEFAULT_LIST_LIMITS, type ListLimits } from './accept.ts';
import { Applier, type ApplyBlockList } from './applier.ts';
import { type Clock, createClock } from './clock.ts';
import type { Connection } from './connection.ts';
import { collectorUrls, createEndpoints, type Endpoints, refusePlainHttp } from './endpoints.ts';
import { failure } from './enrol-refusal.ts';
import type { Enrolment } from './enrolment.ts';
import { startExpiry } from './expiry.ts';
import { Heartbeat } from './heartbeat.ts';
import { createHttpClient, type HttpClient } from './http.ts';
import type { Identity } from './identity.ts';
import { createLateClient } from './late-client.ts';
import { type ListFile, openListFile } from './list-file.ts';
import type { ListState } from './list-state.ts';
import type { Outgoing } from './outbox.ts';
import { Puller } from './pull.ts';
import { Pusher } from './push.ts';
import { rejectedFolder } from './rejected.ts';
import type { RotateResult } from './rotate.ts';
import { createRotations, type Rotations } from './rotate-running.ts';
import type { Speaker } from './seal.ts';
import { type Flushed, Sender } from './sender.ts';
import { openSpoolFolder } from './spool/disk.ts';
import { Spool, type SpoolStats } from './spool/spool.ts';

/** What a status tells that the uplink does not know itself. */
export type HostStatus = Omit<
  StatusEvent,
  'nowMs' | 'spooled' | 'spoolLost' | 'spoolFailing' | 'rejected' | 'clockOffsetMs' | 'blockList'
>;

/** What the policy says of an uplink, under `[uplink]`. */
export type UplinkSettings = Pick<
  Policy['uplink'],
  'allow_insecure_http' | 'urls' | 'spool_megabytes' | 'spool_age'
>;

/** What an uplink works with. */
export interface UplinkOptions {
  readonly stateDir: string;
  readonly identity: Identity;
  /** Undefined: this host was not enrolled and runs alone. */
  readonly enrolment: Enrolment | undefined;
  /** How connections are made, asked until that works; directly, with Node's authorities, by default. */
  readonly connect?: () => Promise<Connection>;
  readonly settings: UplinkSettings;
  /** The collector's time; a clock of its own by default. */
  readonly clock?: Clock;
  readonly log: Log;
  /** What this host never blocks; asked for each list. */
  readonly neverBlockFacts: () => NeverBlockFacts;
  readonly limits?: ListLimits;
  /** Puts a list in force; throws when it could not, and is then asked again. */
  readonly applyBlockList: ApplyBlockList;
  readonly status: () => HostStatus;
}

/** How the uplink is, for people and the status event. */
export interface UplinkStatus {
  readonly isEnrolled: boolean;
  /** Why batches cannot be pushed, or the list cannot be had, now. */
  readonly pushFault: string | undefined;
  readonly pullFault: string | undefined;
  readonly clockOffsetMs: number;
  /** When the collector last answered as itself, Unix ms of the host's clock. */
  readonly lastContactMs: number | undefined;
  /** URL on which the collector is called now. */
  readonly url: string | undefined;
  readonly accepted: number;
  readonly rejected: number;
  /** Sightings given up before they were in a batch. */
  readonly sightingsLost: number;
  readonly spool: SpoolStats | undefined;
  readonly blockList: StatusEvent['blockList'];
}

/** The host's line to its collector. Everything on the host works without it. */
export interface Uplink {
  /** Hands news over. Never throws, never waits. */
  send(outgoing: Outgoing, options: { urgent: boolean }): void;
  /** Resolves when all that was handed over is kept, and says how safely. */
  flush(): Promise<Flushed>;
  status(): UplinkStatus;
  /** Gives this host a new key while it runs. */
  rotateKey(): Promise<RotateResult>;
  /** The status changed in a way that the collector should know of soon. */
  tellSoon(): void;
  /** Keeps what is there, gives pushes under way a moment, and ends. */
  stop(): Promise<void>;
}

/** How long the end waits for batches under way, ms; what is not taken by then waits in the spool. */
const STOP_MS = 3_000;

/**
 * Starts the uplink. A saved block list is in force, or was tried once, when this resolves.
 *
 * @throws UplinkError `ERR_PLAIN_HTTP` when the enrolment's URL needs a setting that is not there
 */
export async function startUplink(options: UplinkOptions): Promise<Uplink> {
  const { enrolment, identity, log } = options;
  if (enrolment === undefined) return runAlone(log, 'this host is not enrolled: it runs alone');
  if (enrolment.hostKey !== identity.thumbprint)
    return runAlone(
      log,
      'the key of this host is not the one that was enrolled: it runs alone; enrol it again',
    );
  refusePlainHttp(options.settings, enrolment);
  return connect(options, enrolment);
}

async function connect(options: UplinkOptions, enrolment: Enrolment): Promise<Uplink> {
  const parts = await assemble(options, enrolment);
  const { spool, pusher, sender, puller, heartbeat, speaker, rotations } = parts;
  const spoolAgeMs = Math.min(options.settings.spool_age, MAX_BATCH_AGE_MS);
  const endExpiry = startExpiry({ spool, clock: speaker.clock, ageMs: spoolAgeMs });
  puller.start();
  void rotations.finish();
  pusher.wake();
  heartbeat.tellSoon();
  return {
    send: (outgoing, { urgent }) => sender.send(outgoing, urgent),
    flush: () => sender.flush(),
    status: () => statusOf(parts),
    rotateKey: () => rotations.rotate(),
    tellSoon: () => heartbeat.tellSoon(),
    stop() {
      endExpiry();
      return end(parts);
    },
  };
}

/** Puts the parts together, and the saved list in force. */
async function assemble(options: UplinkOptions, enrolment: Enrolment): Promise<Parts> {
  const { stateDir, identity, log } = options;
  const speaker: Speaker = { identity, enrolment, clock: options.clock ?? createClock() };
  const http = options.connect ? createLateClient(options.connect, log) : createHttpClient();
  const urls = collectorUrls(options.settings.urls, enrolment);
  const { thumbprint } = enrolment;
  const endpoints = createEndpoints({ urls, http, thumbprint, log });
  const spool = await Spool.open({
    disk: openSpoolFolder(join(stateDir, 'spool')),
    log,
    maxBytes: options.settings.spool_megabytes * 1024 * 1024,
  });
  const reject = rejectedFolder(join(stateDir, 'rejected'), log);
  const pusher = new Pusher({ http, speaker, spool, reject, log, endpoints });
  const sender = new Sender({ speaker, spool, pusher, log });
  const status = (): StatusEvent => eventOf(options, parts);
  const heartbeat = new Heartbeat({ speaker, pusher, log, status });
  const file = openListFile(stateDir, enrolment, log);
  const applier = makeApplier(options, speaker, heartbeat);
  const onList = (state: ListState): void => void file.save(state).then(() => applier.want(state));
  const saved = await file.load();
  const inUseFirst = () => [endpoints.current(), ...urls.filter((url) => url !== endpoints.current())];
  const rotations = createRotations({ stateDir, speaker, urls: inUseFirst, http, log });
  const onContact = (): void => {
    if (parts.lastContactMs === undefined) void rotations.finish();
    parts.lastContactMs = Date.now();
    pusher.wake();
  };
  const onRefused = (): void => heartbeat.tellSoon();
  const heard = { onList, onContact, onRefused, onDenied: rotations.onDenied };
  const puller = new Puller({ http, speaker, log, endpoints, ...heard }, saved);
  const parts: Parts = {
    ...{ http, endpoints, speaker, spool, pusher, sender, heartbeat, file, applier, puller, rotations },
    lastContactMs: undefined,
  };
  if (saved.epoch !== undefined) await applier.want(saved);
  return parts;
}

/** Decides what of a list to take, and puts that in force. */
function makeApplier(options: UplinkOptions, { clock }: Speaker, heartbeat: Heartbeat): Applier {
  const { log, applyBlockList: apply, neverBlockFacts, limits = DEFAULT_LIST_LIMITS } = options;
  const onApplied = ({ version, entries, refused }: AcceptedList): void => {
    log.info('the block list is in force', { version, entries: entries.size, refused });
    heartbeat.tellSoon();
  };
  const accept = (state: ListState): Promise<AcceptedList> =>
    acceptList(state, { facts: neverBlockFacts(), limits, clock });
  return new Applier({ accept, apply, log, onApplied });
}

async function end(parts: Parts): Promise<void> {
  const { sender, heartbeat, pusher, puller, applier, http, endpoints, file, spool, rotations } = parts;
  heartbeat.stop();
  endpoints.stop();
  await sender.flush();
  await within(STOP_MS, pusher.whenIdle());
  pusher.stop();
  const pulled = puller.stop();
  await http.close();
  await Promise.all([pulled, applier.stop(), rotations.stop()]);
  await Promise.all([file.close(), spool.close()]);
}

interface Parts {
  readonly http: HttpClient;
  readonly endpoints: Endpoints;
  readonly speaker: Speaker;
  readonly spool: Spool;
  readonly pusher: Pusher;
  readonly sender: Sender;
  readonly heartbeat: Heartbeat;
  readonly file: ListFile;
  readonly applier: Applier;
  readonly puller: Puller;
  readonly rotations: Rotations;
  lastContactMs: number | undefined;
}

function statusOf(parts: Parts): UplinkStatus {
  const { speaker, spool, pusher, sender, applier, puller, lastContactMs } = parts;
  const { accepted, rejected, why } = pusher.stats;
  const { version = 0, entries, refused = {} } = applier.inForce ?? {};
  const isBelieved = Object.keys(puller.refusedLists).length === 0;
  return {
    isEnrolled: true,
    pushFault: why,
    pullFault: puller.why,
    clockOffsetMs: speaker.clock.offsetMs(),
    lastContactMs,
    url: parts.endpoints.current(),
    accepted,
    rejected,
    sightingsLost: sender.lost,
    spool: spool.stats(),
    blockList: {
      ...{ version, entries: entries?.size ?? 0, refused },
      ...(isBelieved ? {} : { refusedLists: { ...puller.refusedLists } }),
    },
  };
}

function eventOf(options: UplinkOptions, parts: Parts): StatusEvent {
  const { batches, lost, isDiskFailing } = parts.spool.stats();
  const { blockList, sightingsLost, rejected, clockOffsetMs } = statusOf(parts);
  // One number of news that the collector will never see: batches given up, and sightings that came in none.
  const spoolLost = lost + sightingsLost;
  return {
    ...{ ...options.status(), nowMs: Date.now(), spooled: batches, spoolLost, rejected, blockList },
    ...(isDiskFailing && { spoolFailing: true }),
    ...(parts.speaker.clock.isLearned() && { clockOffsetMs }),
  };
}

/** An uplink to nowhere: it keeps nothing, for nobody would ever fetch it. */
function runAlone(log: Log, why: string): Uplink {
  log.warn(why);
  return {
    send: () => {},
    flush: async () => ({ waiting: 0, lost: 0 }),
    rotateKey: async () => failure('refused', `There is no key to rotate: ${why}.`),
    tellSoon: () => {},
    stop: async () => {},
    status: () => ({
      ...{ isEnrolled: false, pushFault: why, pullFault: why, clockOffsetMs: 0, lastContactMs: undefined },
      url: undefined,
      ...{ accepted: 0, rejected: 0, sightingsLost: 0, spool: undefined },
      blockList: { version: 0, entries: 0, refused: {} },
    }),
  };
}

async function within(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, limit]);
  clearTimeout(timer);
}
