import { EVENT, EVENT_MEDIA_TYPE } from '@picket/protocol';
import type { Deps } from '../deps.ts';
import { receiveBatch } from '../store/receive.ts';
import { readBody } from '../verify/body.ts';
import { verifyEventToken } from '../verify/event-token.ts';
import { type Refusal, refuse } from '../verify/refusal.ts';
import { acceptsJson, mediaType, replyRefusal } from './reply.ts';
import { verifierOf } from './verifier.ts';

/** `POST /v1/events`: RFC 8935 push of one event token; 202 once it is durable, or was before. */
export async function postEvents(request: Request, deps: Deps): Promise<Response> {
  const refused = (refusal: Refusal) => {
    deps.log.info({ code: refusal.err, description: refusal.description }, 'batch refused');
    return replyRefusal(refusal);
  };
  if (mediaType(request) !== EVENT_MEDIA_TYPE)
    return refused(refuse('invalid_request', `Content-Type must be ${EVENT_MEDIA_TYPE}`, 415));
  if (!acceptsJson(request))
    return refused(refuse('invalid_request', 'Accept must let application/json pass', 406));
  const body = await readBody(request);
  if (!body.ok) return refused(body);
  const batch = await verifyEventToken(body.text, verifierOf(deps));
  if (!batch.ok) return refused(batch);
  const startMs = performance.now();
  const { isNew, version, refused: noRoom, contested } = await receiveBatch(deps.sql, batch, deps.nowMs());
  const sightings = batch.events[EVENT.sightings]?.sightings.length ?? 0;
  deps.meters.stored({
    isNew,
    sightings,
    unknownEvents: batch.unknownEvents,
    seconds: (performance.now() - startMs) / 1000,
  });
  const { networkId, hostId, jti } = batch;
  deps.log.debug({ networkId, hostId, jti, isNew, version }, 'batch stored');
  if (noRoom > 0)
    deps.log.warn({ networkId, blocks: noRoom }, 'the block list is full: blocks were not shared');
  if (contested.length > 0)
    deps.log.warn(
      { networkId, hostId, addresses: contested },
      'a host calls addresses its own that a person blocks or that tripped on another host: they are not let pass',
    );
  return new Response(null, { status: 202 });
}
