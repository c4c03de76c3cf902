import { readdirSync, readFileSync } from 'node:fs';
import type { z } from 'zod';
import { blockListClaimsSchema, requestClaimsSchema } from '../block-list.ts';
import { enrolledClaimsSchema, enrolmentClaimsSchema } from '../enrolment.ts';
import { pushErrorSchema } from '../errors.ts';
import { eventClaimsSchema } from '../events.ts';
import { newKeyClaimsSchema, rotatedClaimsSchema, rotationClaimsSchema } from '../rotation.ts';

/*
 * The messages that testdata keeps for tests. One table, so that no kind has golden messages and is never damaged.
 */

/** Every kind of message but the join key, which is no JSON, by the beginning of the names of its files. */
export const MESSAGES: Readonly<Record<string, z.ZodType>> = {
  'block-list': blockListClaimsSchema,
  enrolled: enrolledClaimsSchema,
  enrolment: enrolmentClaimsSchema,
  events: eventClaimsSchema,
  'new-key': newKeyClaimsSchema,
  'push-error': pushErrorSchema,
  request: requestClaimsSchema,
  rotated: rotatedClaimsSchema,
  rotation: rotationClaimsSchema,
};

const testdata = new URL('../../testdata/', import.meta.url);

/** A file of testdata. */
export const readTestdata = (path: string) => JSON.parse(readFileSync(new URL(path, testdata), 'utf8'));

/** Names of the golden files of a wire version that hold a kind of message. */
export function goldenNames(version: number, kind: string): string[] {
  const isOfKind = new RegExp(`^${kind}[.-]`);
  return readdirSync(new URL(`v${version}/`, testdata)).filter((name) => isOfKind.test(name));
}
