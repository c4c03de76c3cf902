import {
  type BlockEntry,
  listDigest,
  MAX_BLOCK_LIST_ENTRIES,
  type Source,
  type Tier,
} from '@picket/protocol';
import { readAllowList } from './facts.ts';
import type { Query, Sql, Tx } from './sql.ts';

/** Where a host stands. */
export interface ListQuery {
  readonly networkId: string;
  /** Version of the list that the host has; 0 for none. */
  readonly since: number;
  /** Epoch that this version is of; undefined when the host names none. */
  readonly epoch: string | undefined;
}

/** What a host must do to have the list, as of one moment. */
export interface ListState {
  readonly epoch: string;
  readonly since: number;
  readonly version: number;
  readonly full: boolean;
  readonly add: readonly BlockEntry[];
  readonly remove: readonly Source[];
  readonly allow: readonly Source[];
  /** Those of `allow` that are the network's own hosts. */
  readonly hosts: readonly Source[];
  /** There while the network is in observe mode; hosts end it by themselves at its end. */
  readonly observe?: { readonly untilMs?: number };
  readonly digest: string;
}

/** Reads the state of a list; undefined when there is no such network. */
export type ListReader = (query: ListQuery) => Promise<ListState | undefined>;

/** The version a list has, in its epoch. */
interface Head {
  readonly version: number;
  readonly epoch: string;
}

/** What is read with it. */
interface NetworkHead extends Head {
  readonly observe: ListState['observe'];
}

/**
 * A reader of block lists. Version, changes and digest come from one snapshot: a version whose changes were read a
 * moment later would be believed by hosts for ever. The digest is over the whole list, so each replica makes it once
 * per version: at 100,000 entries it takes about a third of a second.
 */
export function createListReader(sql: Sql): ListReader {
  const digests = new Map<string, Head & { digest: string }>();
  return (query) =>
    sql.begin('isolation level repeatable read read only', async (tx) => {
      const head = await readHead(tx, query.networkId);
      if (head === undefined) return undefined;
      const changes = await readChanges(tx, query, head);
      const known = digests.get(query.networkId);
      const isKnown = known?.version === head.version && known.epoch === head.epoch;
      const digest = isKnown
        ? known.digest
        : listDigest(changes.whole ?? (await readWhole(tx, query.networkId)));
      digests.set(query.networkId, { version: head.version, epoch: head.epoch, digest });
      const { since, full, add, remove } = changes;
      const { allow, hosts } = await readAllowList(tx, query.networkId);
      const { version, epoch, observe } = head;
      return { epoch, version, since, full, add, remove, allow, hosts, ...(observe && { observe }), digest };
    });
}

/** Versions of the networks' lists. */
export async function readVersions(sql: Query, networkIds: readonly string[]): Promise<Map<string, number>> {
  const rows = await sql<{ id: string; list_version: number }[]>`
    select id, list_version from network where id = any(${[...networkIds]}::text[]::uuid[])`;
  return new Map(rows.map((row) => [row.id, row.list_version]));
}

async function readHead(tx: Tx, networkId: string): Promise<NetworkHead | undefined> {
  const [row] = await tx<
    { version: number; epoch: string; mode: 'enforce' | 'observe'; mode_until: Date | null }[]
  >`
    select list_version as version, list_epoch as epoch, mode, mode_until from network where id = ${networkId}`;
  if (row === undefined) return undefined;
  const { version, epoch, mode, mode_until: until } = row;
  const end = until === null ? {} : { untilMs: until.getTime() };
  return { version, epoch, observe: mode === 'observe' ? end : undefined };
}

/** Whether a host already has the list; since version 0 it has one only if it can name the epoch. */
export function isUnchanged(head: Head, { since, epoch }: Pick<ListQuery, 'since' | 'epoch'>): boolean {
  return since === head.version && (epoch === head.epoch || (epoch === undefined && since > 0));
}

interface Changes extends Pick<ListState, 'since' | 'full' | 'add' | 'remove'> {
  /** The whole list, where it was read. */
  readonly whole: readonly BlockEntry[] | undefined;
}

/** The changes since the host's version, or the whole list where that version is none of this history. */
async function readChanges(tx: Tx, { networkId, since, epoch }: ListQuery, head: Head): Promise<Changes> {
  const isSameHistory =
    since > 0 ? epoch === undefined || epoch === head.epoch : isUnchanged(head, { since, epoch });
  const isKnown = isSameHistory && since <= head.version;
  const rows = isKnown ? await readSince(tx, networkId, since) : [];
  const remove = rows.filter((row) => row.removed_at !== null).map((row) => row.source);
  if (isKnown && remove.length <= MAX_BLOCK_LIST_ENTRIES) {
    const add = rows.filter((row) => row.removed_at === null).map(entryOf);
    return { since, full: false, add, remove, whole: undefined };
  }
  const whole = await readWhole(tx, networkId);
  return { since: 0, full: true, add: whole, remove: [], whole };
}

interface Row {
  source: Source;
  until_at: Date;
  tier: Tier;
  reason: string;
  removed_at: Date | null;
}

function readSince(tx: Tx, networkId: string, since: number): Promise<Row[]> {
  return tx<Row[]>`
    select source, until_at, tier, reason, removed_at from block
    where network_id = ${networkId} and version > ${since}`;
}

/** Membership is a matter of versions, not of the clock: an ended block stays until a version takes it out. */
async function readWhole(tx: Tx, networkId: string): Promise<BlockEntry[]> {
  const rows = await tx<Row[]>`
    select source, until_at, tier, reason, removed_at from block
    where network_id = ${networkId} and removed_at is null`;
  return rows.map(entryOf);
}

const entryOf = ({ source, until_at, tier, reason }: Row): BlockEntry => [
  source,
  until_at.getTime(),
  tier,
  reason,
];
