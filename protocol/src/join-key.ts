import { z } from 'zod';
import { joinTokenSchema } from './enrolment.ts';
import { thumbprintSchema, uuid7Schema } from './ids.ts';

const PREFIX = 'picket1.';

/** Canonical text of a collector's base URL: user, query and fragment have no place in one and are left out. */
function baseUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { origin, pathname } = new URL(text);
  return `${origin}${pathname}`.replace(/\/+$/, '');
}

/** All that an install needs, in one string. */
export const joinKeySchema = z.object({
  /** Base URL of the collector: origin and path in canonical text, without a slash at the end. */
  url: z
    .url({ protocol: /^https?$/ })
    .max(1024)
    .refine((text) => baseUrl(text) === text, 'must be a base URL without a slash at the end'),
  collectorId: uuid7Schema,
  /** Thumbprint of the collector's signing key: what the host trusts. */
  thumbprint: thumbprintSchema,
  networkId: uuid7Schema,
  token: joinTokenSchema,
});

export type JoinKey = z.infer<typeof joinKeySchema>;

export type JoinKeyResult = { ok: true; joinKey: JoinKey } | { ok: false; reason: string };

/** A join key as the one string an administrator pastes: `picket1.` and base64url of UTF-8 JSON. */
export function formatJoinKey(key: JoinKey): string {
  const { url, collectorId, thumbprint, networkId, token } = joinKeySchema.parse({
    ...key,
    url: baseUrl(key.url),
  });
  const json = JSON.stringify([url, collectorId, thumbprint, networkId, token]);
  const binary = String.fromCharCode(...new TextEncoder().encode(json));
  return PREFIX + btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** Reads a join key. White space around it, as terminals and mails add it, is ignored. */
export function parseJoinKey(text: string): JoinKeyResult {
  const trimmed = text.trim();
  const version = /^picket(\d+)\./.exec(trimmed)?.[1];
  if (version === undefined) return { ok: false, reason: 'this is no join key: one begins with "picket1."' };
  if (version !== '1')
    return { ok: false, reason: `this join key is of version ${version}; this agent reads version 1` };
  const fields = decode(trimmed.slice(PREFIX.length));
  if (!Array.isArray(fields))
    return { ok: false, reason: 'the join key is cut or damaged: copy the whole line' };
  const [url, collectorId, thumbprint, networkId, token] = fields;
  const parsed = joinKeySchema.safeParse({ url, collectorId, thumbprint, networkId, token });
  if (parsed.success) return { ok: true, joinKey: parsed.data };
  const issue = parsed.error.issues[0];
  return { ok: false, reason: `the join key is damaged: ${issue?.path.join('.')}: ${issue?.message}` };
}

function decode(base64url: string): unknown {
  try {
    const binary = atob(base64url.replaceAll('-', '+').replaceAll('_', '/'));
    const bytes = Uint8Array.from(binary, (c) => c.charCodeAt(0));
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}
