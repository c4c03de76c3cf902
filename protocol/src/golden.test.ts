import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import malformed from '../testdata/malformed/events.json' with { type: 'json' };
import { blockListClaimsSchema, requestClaimsSchema } from './block-list.ts';
import { enrolledClaimsSchema, enrolmentClaimsSchema } from './enrolment.ts';
import { pushErrorSchema } from './errors.ts';
import { EVENT, eventClaimsSchema } from './events.ts';
import { formatJoinKey, parseJoinKey } from './join-key.ts';
import { newKeyClaimsSchema, rotatedClaimsSchema, rotationClaimsSchema } from './rotation.ts';
import { SPOKEN_WIRE_VERSIONS } from './version.ts';

/** What a file holds, by the beginning of its name. `parsed` stands where it is less than `message`. */
const SCHEMAS: Record<string, z.ZodType> = {
  'block-list-': blockListClaimsSchema,
  'enrolled.': enrolledClaimsSchema,
  enrolment: enrolmentClaimsSchema,
  'events-': eventClaimsSchema,
  'push-error.': pushErrorSchema,
  'new-key.': newKeyClaimsSchema,
  'request.': requestClaimsSchema,
  'rotated.': rotatedClaimsSchema,
  'rotation.': rotationClaimsSchema,
};

const folder = (version: number) => new URL(`../testdata/v${version}/`, import.meta.url);
const read = (version: number, name: string) =>
  JSON.parse(readFileSync(new URL(name, folder(version)), 'utf8'));

describe.each(SPOKEN_WIRE_VERSIONS)('messages of wire version %i', (version) => {
  const names = readdirSync(folder(version)).filter((name) => name !== 'join-key.json');

  it.each(names)('are understood as they were when they were published: %s', (name) => {
    const schema = Object.entries(SCHEMAS).find(([start]) => name.startsWith(start))?.[1];
    const { message, parsed = message } = read(version, name);
    expect(schema?.parse(message)).toEqual(parsed);
  });

  it('include a join key', () => {
    const { joinKey, text } = read(version, 'join-key.json');
    expect(parseJoinKey(text)).toEqual({ ok: true, joinKey });
    expect(formatJoinKey(joinKey)).toBe(text);
  });
});

describe('event tokens', () => {
  it.each(malformed)('are refused: $why', ({ message }) => {
    expect(eventClaimsSchema.safeParse(message).success).toBe(false);
  });

  it('keep a kind they do not know as it came', () => {
    const { message } = read(1, 'events-unknown-kind.json');
    expect(eventClaimsSchema.parse(message).events).toEqual(message.events);
  });

  it('cannot reach the prototypes of our objects', () => {
    const { message } = read(1, 'events-status.json');
    const text = JSON.stringify(message).replace('{"own address":1}', '{"__proto__":1,"constructor":2}');
    const hostile = text.replace('"events":{', '"events":{"__proto__":{"polluted":1},');
    const { events } = eventClaimsSchema.parse(JSON.parse(hostile));
    expect((events as { polluted?: unknown }).polluted).toBeUndefined();
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect(Object.keys(events[EVENT.status]?.blockList.refused ?? {})).not.toContain('__proto__');
  });
});
