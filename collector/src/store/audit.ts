import { v7 as uuid7 } from 'uuid';
import type { Query } from './sql.ts';

/** Stands for the network where an act concerns the collector as a whole (RFC 9562 section 5.9). */
const NO_NETWORK = '00000000-0000-0000-0000-000000000000';

/** Every administrative act there is: a noun and a verb. */
export type AuditAct =
  | 'collector-key.add'
  | 'network.add'
  | 'network.mode'
  | 'join-token.add'
  | 'join-token.withdraw'
  | 'host.enrol'
  | 'host.rotate-key'
  | 'host.withdraw'
  | 'block.add'
  | 'block.lift'
  | 'allow.add'
  | 'allow.remove'
  | 'digest.send';

/** One administrative act, as it is written. */
export interface AuditEntry {
  /** Undefined for an act on the collector as a whole. */
  readonly networkId: string | undefined;
  /** `person@machine` of a command line, or `host:ID`. */
  readonly who: string;
  readonly act: AuditAct;
  /** What it was done to: a source, a host's id, the name of a join token. */
  readonly subject: string;
  /** JSON values only; never a secret. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** One administrative act, as it was written. */
export interface AuditRecord {
  readonly at: Date;
  /** Name of the network; its id when it is gone; null for the collector as a whole. */
  readonly network: string | null;
  readonly who: string;
  readonly act: AuditAct;
  readonly subject: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** Who is named where nobody was: a part of the collector, or a test. */
export const COLLECTOR = 'collector';

/** Writes an act into the log. To be called in the transaction of the act itself: both happen or neither. */
export async function recordAct(
  tx: Query,
  { networkId, who, act, subject, details }: AuditEntry,
): Promise<void> {
  await tx`
    insert into audit_entry (network_id, id, at, who, act, subject, details)
    values (${networkId ?? NO_NETWORK}, ${uuid7()}, now(), ${who}, ${act}, ${subject},
      ${JSON.stringify(details ?? {})}::text::jsonb)`;
}

/** What of the log is wanted. */
export interface AuditQuery {
  /** Undefined: all networks, and the collector as a whole. */
  readonly networkId: string | undefined;
  readonly sinceMs: number;
  readonly most: number;
}

/** The newest acts since a time, the oldest of them first. */
export async function readAudit(
  sql: Query,
  { networkId, sinceMs, most }: AuditQuery,
): Promise<AuditRecord[]> {
  const which = networkId === undefined ? sql`` : sql`and e.network_id = ${networkId}`;
  const rows = await sql<AuditRecord[]>`
    select e.at, coalesce(n.name, nullif(e.network_id, ${NO_NETWORK})::text) as network,
      e.who, e.act, e.subject, e.details
    from audit_entry e left join network n on n.id = e.network_id
    where e.at >= ${new Date(sinceMs)} ${which}
    order by e.at desc, e.id desc limit ${most}`;
  return rows.reverse();
}
