import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { EVENT, eventClaimsSchema } from './events.ts';
import * as protocol from './index.ts';
import { formatJoinKey, parseJoinKey } from './join-key.ts';
import { goldenNames, MESSAGES, readTestdata } from './testing/golden.ts';
import { SPOKEN_WIRE_VERSIONS } from './version.ts';

const KINDS = Object.entries(MESSAGES);

describe('kinds of messages', () => {
  it('are all kept: no claims and no body of a reply cross the wire without golden messages', () => {
    const crossing = Object.entries(protocol).filter(([name]) => /(Claims|Error)Schema$/.test(name));
    expect(new Set(crossing.map(([, schema]) => schema))).toEqual(new Set(Object.values(MESSAGES)));
  });
});

describe.each(SPOKEN_WIRE_VERSIONS)('messages of wire version %i', (version) => {
  const files = KINDS.flatMap(([kind, schema]) =>
    goldenNames(version, kind).map((name) => [name, schema] as const),
  );

  it.each(files)('are understood as they were when they were published: %s', (name, schema) => {
    // `parsed` stands where it is less than `message`.
    const { message, parsed = message } = readTestdata(`v${version}/${name}`);
    expect(schema.parse(message)).toEqual(parsed);
  });

  it('are all of a kind that is known', () => {
    const folder = new URL(`../testdata/v${version}/`, import.meta.url);
    const known = new Set(['join-key.json', ...files.map(([name]) => name)]);
    expect(readdirSync(folder).filter((name) => !known.has(name))).toEqual([]);
  });

  it('include a join key', () => {
    const { joinKey, text } = readTestdata(`v${version}/join-key.json`);
    expect(parseJoinKey(text)).toEqual({ ok: true, joinKey });
    expect(formatJoinKey(joinKey)).toBe(text);
  });
});

describe.each(KINDS)('malformed messages of the kind %s', (kind, schema) => {
  it.each<{ why: string; message: unknown }>(readTestdata(`malformed/${kind}.json`))(
    'are refused: $why',
    ({ message }) => {
      expect(schema.safeParse(message).success).toBe(false);
    },
  );
});

describe('event tokens', () => {
  it('keep a kind they do not know as it came', () => {
    const { message } = readTestdata('v1/events-unknown-kind.json');
    expect(eventClaimsSchema.parse(message).events).toEqual(message.events);
  });

  it('cannot reach the prototypes of our objects', () => {
    const { message } = readTestdata('v1/events-status.json');
    const text = JSON.stringify(message).replace('{"own address":1}', '{"__proto__":1,"constructor":2}');
    const hostile = text.replace('"events":{', '"events":{"__proto__":{"polluted":1},');
    const { events } = eventClaimsSchema.parse(JSON.parse(hostile));
    expect((events as { polluted?: unknown }).polluted).toBeUndefined();
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect(Object.keys(events[EVENT.status]?.blockList.refused ?? {})).not.toContain('__proto__');
  });
});
