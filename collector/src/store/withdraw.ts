import { recordAct } from './audit.ts';
import { changeList } from './list-change.ts';
import type { Query, Sql } from './sql.ts';

/** What is withdrawn, and by whom. */
interface Withdrawal {
  readonly networkId: string;
  readonly who: string;
}

/**
 * Takes a host out of its network: its next request is refused, on every replica, since each request looks its key up.
 * The list's version moves, because its addresses leave the allow list; that also wakes requests that wait, its own too.
 *
 * @returns false when the network has no such host, or it was withdrawn before
 */
export async function withdrawHost(
  sql: Sql,
  { networkId, hostId, who }: Withdrawal & { hostId: string },
  nowMs: number,
): Promise<boolean> {
  return sql.begin(async (tx) => {
    let name: string | undefined;
    // Batches lock their hosts before the network's row: in the other order the two would wait for each other.
    await tx`select 1 from host where network_id = ${networkId} and id = ${hostId} for no key update`;
    await changeList(tx, networkId, nowMs, async () => {
      const [row] = await tx<{ name: string }[]>`
        update host set withdrawn_at = now()
        where network_id = ${networkId} and id = ${hostId} and withdrawn_at is null returning name`;
      name = row?.name;
      return { set: [], lift: [], isAllowChanged: row !== undefined };
    });
    if (name === undefined) return false;
    await recordAct(tx, { networkId, who, act: 'host.withdraw', subject: hostId, details: { name } });
    return true;
  });
}

/** Hosts of a network that can be withdrawn: read apart from what they say of themselves, which is any host's to write. */
export async function readMembers(sql: Query, networkId: string): Promise<{ id: string; name: string }[]> {
  return sql<{ id: string; name: string }[]>`
    select id, name from host where network_id = ${networkId} and withdrawn_at is null`;
}

/** Hosts withdrawn so lately that a request which began before may still wait: twice the longest wait. By the database's clock. */
export async function readWithdrawn(sql: Query, networkId: string): Promise<ReadonlySet<string>> {
  const rows = await sql<{ id: string }[]>`
    select id from host where network_id = ${networkId} and withdrawn_at >= now() - interval '2 minutes'`;
  return new Set(rows.map((row) => row.id));
}

/** A join token as people see it: by a name that is no secret. */
export interface JoinTokenRow {
  /** First 12 hex digits of its SHA-256. */
  readonly name: string;
  readonly uses: number;
  readonly maxUses: number;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly withdrawnAt: Date | null;
}

/** The join tokens of a network, the newest first. */
export async function readJoinTokens(sql: Query, networkId: string): Promise<JoinTokenRow[]> {
  return sql<JoinTokenRow[]>`
    select ${tokenName(sql)} as name, uses, max_uses as "maxUses", created_at as "createdAt",
      expires_at as "expiresAt", withdrawn_at as "withdrawnAt"
    from join_token where network_id = ${networkId} order by created_at desc`;
}

/** Withdraws the join token of that name: the next enrolment with it is refused. False when there is none to withdraw. */
export async function withdrawJoinToken(
  sql: Sql,
  { networkId, name, who }: Withdrawal & { name: string },
  nowMs: number,
): Promise<boolean> {
  return sql.begin(async (tx) => {
    const rows = await tx`
      update join_token set withdrawn_at = ${new Date(nowMs)}
      where network_id = ${networkId} and ${tokenName(tx)} = ${name} and withdrawn_at is null returning uses`;
    if (rows.length === 0) return false;
    await recordAct(tx, { networkId, who, act: 'join-token.withdraw', subject: name });
    return true;
  });
}

const tokenName = (sql: Query) => sql`left(encode(token_hash, 'hex'), 12)`;
