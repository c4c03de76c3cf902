import { sha256 } from './sha256.ts';
import type { Query } from './sql.ts';

/** A join token to be. */
export interface NewJoinToken {
  readonly networkId: string;
  /** How many hosts may join with it. */
  readonly maxUses: number;
  readonly expiresAtMs: number;
}

/** Makes a join token of 256 random bits. Only its SHA-256 is kept: this is the one time it can be read. */
export async function addJoinToken(sql: Query, token: NewJoinToken): Promise<string> {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  const text = btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
  await sql`
    insert into join_token (network_id, token_hash, max_uses, expires_at)
    values (${token.networkId}, ${await sha256(text)}, ${token.maxUses}, ${new Date(token.expiresAtMs)})`;
  return text;
}
