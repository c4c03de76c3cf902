import { request } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import type { z } from 'zod';
import { codeOf } from '../uplink/errors.ts';
import { parseJson } from '../uplink/state-file.ts';
import { refusalSchema } from './messages.ts';
import { STARTING } from './socket.ts';

/** Longest an agent may take to answer, ms: lifting many blocks waits for the firewall. */
const LIMIT_MS = 20_000;

/** How long an agent that says it is starting is asked again, and how often, ms: reading a long block list takes seconds. */
const STARTING_MS = 15_000;
const ASK_AGAIN_MS = 100;

/** Most of an answer that is read, bytes. */
const MAX_BYTES = 4 * 1024 * 1024;

/** An answer of the agent; or why there is none. `none`: no agent runs. `denied`: this user may not ask. */
export type Asked<T> =
  | { ok: true; value: T }
  | { ok: false; kind: 'none' | 'denied' | 'refused' | 'failed'; why: string };

/** A question to the agent. */
export interface Question<T> {
  readonly path: string;
  readonly method: 'GET' | 'POST';
  /** Path with query: `/v1/status`. */
  readonly route: string;
  readonly body?: object;
  readonly schema: z.ZodType<T>;
  /** How long to wait for an agent that is starting, ms; {@link STARTING_MS} for people, other values are for tests. */
  readonly startingMs?: number;
  /** How much longer than usual the answer may take, ms. */
  readonly moreMs?: number;
}

/** Asks the agent that has this state folder. Never throws for what the other side does. */
export async function askAgent<T>(question: Question<T>): Promise<Asked<T>> {
  const { path, method, route, body, schema, startingMs = STARTING_MS, moreMs = 0 } = question;
  const text = body === undefined ? '' : JSON.stringify(body);
  const reply = await callWhenReady({ path, method, route, text, limitMs: LIMIT_MS + moreMs }, startingMs);
  if (reply instanceof Error) return refusalOf(reply, path);
  const value = parseJson(reply.text);
  if (reply.status !== 200) {
    const why = refusalSchema.safeParse(value).data?.error ?? `it answered HTTP ${reply.status}`;
    return { ok: false, kind: 'refused', why };
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return { ok: true, value: parsed.data };
  return { ok: false, kind: 'failed', why: 'its answer is of another version; restart the agent' };
}

function refusalOf(error: Error, path: string): Asked<never> {
  const code = codeOf(error);
  if (code === 'ENOENT' || code === 'ECONNREFUSED')
    return { ok: false, kind: 'none', why: `no agent runs here (nobody answers on ${path})` };
  if (code === 'EACCES' || code === 'EPERM')
    return { ok: false, kind: 'denied', why: `not permitted to ask the agent (${path}): run this as root` };
  return {
    ok: false,
    kind: 'failed',
    why: `the agent does not answer on ${path} (${error.message}): stop its service, then ask again`,
  };
}

interface Call {
  readonly path: string;
  readonly method: string;
  readonly route: string;
  readonly text: string;
  readonly limitMs: number;
}

/** Whoever asks right after a start, a script above all, wants the answer and not a word about the moment. */
async function callWhenReady(question: Call, startingMs: number): ReturnType<typeof call> {
  const endMs = performance.now() + startingMs;
  for (;;) {
    const reply = await call(question);
    if (reply instanceof Error || reply.status !== STARTING || performance.now() >= endMs) return reply;
    await setTimeout(ASK_AGAIN_MS);
  }
}

function call({
  path,
  method,
  route,
  text,
  limitMs,
}: Call): Promise<{ status: number; text: string } | Error> {
  return new Promise((resolve) => {
    const asked = request({ socketPath: path, method, path: route, timeout: limitMs }, (response) => {
      let said = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        said += part;
        if (said.length > MAX_BYTES) asked.destroy(new Error('its answer is too long'));
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: said }));
      response.on('error', resolve);
    });
    asked.on('timeout', () => asked.destroy(new Error(`no answer within ${limitMs / 1000} s`)));
    asked.on('error', resolve);
    asked.end(text);
  });
}
