import { firstAddress, parseAddress } from '@picket/protocol';
import type { Agent } from '../agent-port.ts';
import type { Policy } from '../policy/policy.ts';
import { readHistory } from '../report/history.ts';
import { blockMessage, explain, recentMessage } from './explain.ts';
import { type Explanation, requestSchema, type Status } from './messages.ts';
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
  readonly now: () => number;
}

/** Longest pause, ms: whoever wants more changes the policy. */
export const MAX_PAUSE_MS = 31 * 24 * 3_600_000;

/** Most sources of one live view. */
const MAX_RECENT = 500;

const ok = (body: object): Answer => ({ status: 200, body });
const no = (status: number, error: string): Answer => ({ status, body: { error } });

/** Answers what an administrator asks of a running agent. */
export function createHandler(parts: HandlerParts): ControlHandler {
  const { agent, stance, now } = parts;
  return async ({ route, query, body }) => {
    if (route === 'GET /v1/status') return ok(await parts.status());
    if (route === 'GET /v1/sources') return ok({ sources: recent(agent, Number(query.get('most'))) });
    if (route === 'GET /v1/explain') return explainRoute(parts, query.get('address') ?? '');
    const request = requestSchema.safeParse(body);
    if (!request.success) return no(400, 'the body must name who asks');
    const { by, untilMs } = request.data;
    if (route === 'POST /v1/pause') {
      const atMs = now();
      if (untilMs === undefined || untilMs <= atMs || untilMs > atMs + MAX_PAUSE_MS)
        return no(400, 'a pause must end within 31 days');
      await stance.pause({ atMs, untilMs, by });
      await agent.applyMode();
      return ok({ stance: agent.stance(), wasPaused: true });
    }
    if (route === 'POST /v1/resume') {
      const wasPaused = await stance.resume();
      await agent.applyMode();
      return ok({ stance: agent.stance(), wasPaused });
    }
    if (route === 'POST /v1/lift') return ok(await agent.liftAll(by));
    return no(404, `this agent does not know ${route}`);
  };
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
  const address = parseAddress(firstAddress(text));
  if (address === undefined) return no(400, `"${text}" is no address`);
  const { policy, agent, enforces, now } = parts;
  const known = agent.known(address);
  const isClient = await agent.isClient(known.source);
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
  return ok({ ...body, history } satisfies Explanation);
}
