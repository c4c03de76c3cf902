import { join } from 'node:path';
import { MAX_NAME_LENGTH, thumbprintSchema, unixMsSchema, uuid7Schema } from '@picket/protocol';
import { z } from 'zod';
import { isReadableOnTheWay } from '../policy/collector-url.ts';
import { publicJwkSchema } from './collector-key.ts';
import { UplinkError } from './errors.ts';
import { parseJson, readFileIfThere, replaceFile } from './state-file.ts';

/** What a host knows of its network and collector since its enrolment. */
export const enrolmentSchema = z.object({
  /** Base URL of the collector, without a slash at the end. */
  url: z.url({ protocol: /^https?$/ }).max(1024),
  collectorId: uuid7Schema,
  /** The pinned key: thumbprint from the join key, and the key that has it. */
  thumbprint: thumbprintSchema,
  collectorKey: publicJwkSchema,
  networkId: uuid7Schema,
  networkName: z.string().max(MAX_NAME_LENGTH),
  hostId: uuid7Schema,
  /** Thumbprint of the host's key that was enrolled. */
  hostKey: thumbprintSchema,
  /** How often a status is sent, seconds. */
  statusSeconds: z.int().min(5).max(86_400),
  enrolledAtMs: unixMsSchema,
});

export type Enrolment = z.infer<typeof enrolmentSchema>;

/** Where an enrolment is kept. */
export const enrolmentPath = (stateDir: string): string => join(stateDir, 'enrolment.json');

/**
 * The saved enrolment, or undefined when this host was not enrolled.
 *
 * @throws UplinkError `ERR_ENROLMENT_DAMAGED`
 */
export async function loadEnrolment(stateDir: string): Promise<Enrolment | undefined> {
  const path = enrolmentPath(stateDir);
  const text = await readFileIfThere(path);
  if (text === undefined) return undefined;
  const parsed = enrolmentSchema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  const key = parsed.error.issues[0]?.path.join('.');
  throw new UplinkError(
    'ERR_ENROLMENT_DAMAGED',
    `${path} is damaged${key ? ` (${key})` : ''}: enrol this host again with a join key; it stays the same host.`,
  );
}

/** Keeps an enrolment, whole or not at all. */
export async function saveEnrolment(stateDir: string, enrolment: Enrolment): Promise<void> {
  await replaceFile(enrolmentPath(stateDir), `${JSON.stringify(enrolment, undefined, 2)}\n`);
}

/** Why a collector's URL must not be used, or undefined. */
export function refusedUrl(url: string, allowInsecureHttp: boolean): string | undefined {
  if (allowInsecureHttp || !isReadableOnTheWay(url)) return undefined;
  return (
    `${url} is plain HTTP: what this host reports could be read on the way. Use https://, or set ` +
    'allow_insecure_http = true under [uplink] in the config file for a lab.'
  );
}
