import { COLLECTOR, recordAct } from './audit.ts';
import { sha256 } from './sha256.ts';
import type { Sql } from './sql.ts';

/** A join token to be. */
export interface NewJoinToken {
  readonly networkId: string;
  /** How many hosts may join with it. */
  readonly maxUses: number;
  readonly expiresAtMs: number;
  /** Who the audit log names. */
  readonly who?: string;
}

/** Makes a join token of 256 random bits. Only its SHA-256 is kept: this is the one time it can be read. */
export async function addJoinToken(sql: Sql, token: NewJoinToken): Promise<string> {
  const { networkId, maxUses, who = COLLECTOR } = token;
  const expiresAt = new Date(token.expiresAtMs);
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  const text = btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
  const hash = await sha256(text);
  await sql.begin(async (tx) => {
    await tx`
      insert into join_token (network_id, token_hash, max_uses, expires_at)
      values (${networkId}, ${hash}, ${maxUses}, ${expiresAt})`;
    const details = { maxUses, expires: expiresAt.toISOString() };
    await recordAct(tx, { networkId, who, act: 'join-token.add', subject: joinTokenName(hash), details });
  });
  return text;
}

/** What people call a join token by: the first 12 hex digits of its SHA-256, which is no secret. */
export function joinTokenName(hash: Uint8Array): string {
  return Array.from(hash.subarray(0, 6), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
