import { familyOf, firstAddress, isSingleSource, parseSource, prefixLength } from '@picket/protocol';
import type { z } from 'zod';
import type { Agent } from '../agent-port.ts';
import type { Policy } from '../policy/policy.ts';
import { readHistory } from '../report/history.ts';
import type { Uplink } from '../uplink/uplink.ts';
import { blockMessage, explain, recentMessage } from './explain.ts';
import {
  allowRequestSchema,
  blockRequestSchema,
  type Explanation,
  networkRequestSchema,
  pauseRequestSchema,
  requestSchema,
  type Status,
} from './messages.ts';
import type { Answer, ControlHandler } from './socket.ts';
import type { Stance } from './stance.ts';

/** What the answers are made of. */
export interface HandlerParts {
  readonly policy: Policy;
  readonly agent: Agent;
  readonly stance: Stance;
  /** Path of the history. */
  readonly history: string;
  readonly status: () => Promise<Status>;
  readonly enforces: () => boolean;
  /** Gives this host a new key. */
  readonly rotateKey: Uplink['rotateKey'];
  readonly now: () => number;
}

/** Longest pause, block or allowance that a person may order, ms: whoever wants more changes the policy. */
export const MAX_ORDER_MS = 31 * 24 * 3_600_000;

/** Most sources of one live view. */
const MAX_RECENT = 500;

const ok = (body: object): Answer => ({ status: 200, body });
const no = (status: number, error: string): Answer => ({ status, body: { error } });

type Route = (request: Parameters<ControlHandler>[0]) => Promise<Answer>;

/** A route that takes a body of this shape. */
function taking<T>(schema: z.ZodType<T>, answer: (body: T) => Promise<Answer>): Route {
  return async ({ body }) => {
    const read = schema.safeParse(body);
    if (read.success) return answer(read.data);
    const [issue] = read.error.issues;
    return no(400, `the body is wrong: ${issue?.path.join('.')} ${issue?.message}`);
  };
}

/** Answers what an administrator asks of a running agent. */
export function createHandler(parts: HandlerParts): ControlHandler {
  const routes: Record<string, Route> = {
    ...questions(parts),
    ...stanceRoutes(parts),
    ...orders(parts),
    ...keys(parts),
  };
  return async (request) => {
    const route = routes[request.route];
    if (route !== undefined) return route(request);
    const [method, path] = request.route.split(' ');
    const isKnown = Object.keys(routes).some((known) => known.endsWith(` ${path}`));
    return isKnown ? no(405, `${path} does not take ${method}`) : no(404, `this agent does not know ${path}`);
  };
}

function questions(parts: HandlerParts): Record<string, Route> {
  const { agent } = parts;
  return {
    'GET /v1/status': async () => ok(await parts.status()),
    'GET /v1/sources': async ({ query }) => ok({ sources: recent(agent, Number(query.get('most'))) }),
    'GET /v1/explain': ({ query }) => explainRoute(parts, query.get('address') ?? ''),
  };
}

function stanceRoutes({ agent, stance, now }: HandlerParts): Record<string, Route> {
  return {
    'POST /v1/pause': taking(pauseRequestSchema, async ({ by, untilMs }) => {
      const atMs = now();
      const refusal = refusedEnd('a pause', untilMs, atMs);
      if (refusal !== undefined) return refusal;
      const isKept = await stance.pause({ atMs, untilMs, by });
      await agent.applyMode();
      return ok({ stance: agent.stance(), wasPaused: true, isKept });
    }),
    'POST /v1/resume': taking(requestSchema, async () => {
      const wasPaused = await stance.resume();
      await agent.applyMode();
      return ok({ stance: agent.stance(), wasPaused, isKept: true });
    }),
  };
}

function orders({ agent, enforces, now }: HandlerParts): Record<string, Route> {
  return {
    'POST /v1/lift': taking(requestSchema, async ({ by }) => ok(await agent.liftAll(by))),
    'POST /v1/unblock': taking(networkRequestSchema, async ({ by, network }) =>
      ok(await agent.unblock(network, by)),
    ),
    'POST /v1/block': taking(blockRequestSchema, async (order) => {
      const refusal = refusedEnd('a block', order.untilMs, now());
      if (refusal !== undefined) return refusal;
      const done = await agent.block(order);
      return done.ok
        ? ok({ source: done.block.source, block: blockMessage(done.block), enforced: enforces() })
        : no(409, done.why);
    }),
    'POST /v1/allow': taking(allowRequestSchema, async (order) => {
      const refusal = refusedEnd('an allowance', order.untilMs, now());
      if (refusal !== undefined) return refusal;
      if (prefixLength(order.network) < (familyOf(order.network) === 4 ? 8 : 19))
        return no(400, `${order.network} is too wide to be allowed by an order; write it into allow.sources`);
      const done = await agent.allow(order);
      return done.ok ? ok({ ...done.lifted, isKept: done.isKept }) : no(409, done.why);
    }),
    'POST /v1/disallow': taking(networkRequestSchema, async ({ by, network }) =>
      ok({ wasAllowed: await agent.disallow(network, by) }),
    ),
  };
}

function keys({ rotateKey }: HandlerParts): Record<string, Route> {
  return {
    'POST /v1/rotate-key': taking(requestSchema, async () => {
      const result = await rotateKey();
      return result.ok
        ? ok({ thumbprint: result.identity.thumbprint, formerUntilMs: result.formerUntilMs })
        : no(409, result.message);
    }),
  };
}

function refusedEnd(what: string, untilMs: number, nowMs: number): Answer | undefined {
  return untilMs > nowMs && untilMs <= nowMs + MAX_ORDER_MS
    ? undefined
    : no(400, `${what} must end within 31 days`);
}

function recent(agent: Agent, most: number) {
  const { tracks, blocks } = agent.recent(
    Number.isInteger(most) ? Math.min(Math.max(most, 1), MAX_RECENT) : 50,
  );
  return [
    ...tracks.map((track) => recentMessage(track, agent.known(track.address).block)),
    ...blocks.map((block) => ({ source: block.source, block: blockMessage(block) })),
  ];
}

async function explainRoute(parts: HandlerParts, text: string): Promise<Answer> {
  const asked = parseSource(text);
  if (asked === undefined) return no(400, `"${text}" is no address`);
  if (!isSingleSource(asked)) return no(400, `${asked} is many sources: ask for one address of it`);
  const address = firstAddress(asked);
  const { policy, agent, enforces, now } = parts;
  const known = agent.known(address);
  const [isClient, hold] = await Promise.all([agent.isClient(known.source), agent.holdOf(known.source)]);
  const body = explain(
    address,
    { ...known, isClient },
    {
      policy,
      nowMs: now(),
      enforces: enforces(),
      stance: agent.stance(),
    },
  );
  const history = await readHistory(parts.history, known.source);
  return ok({ ...body, history, ...(hold !== undefined && { hold }) } satisfies Explanation);
}
