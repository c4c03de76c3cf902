import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { batchesOf } from '@picket/agent/uplink/batches';
import { type Speaker, seal } from '@picket/agent/uplink/seal';
import { EVENT_MEDIA_TYPE } from '@picket/protocol';
import type { Prepared } from './load.ts';
import type { PlannedBatch } from './plan.ts';

const gzipAsync = promisify(gzip);

/** From this size on agents compress, bytes. */
const GZIP_FROM_BYTES = 1_024;

/** Batches made side by side. */
const SIDE_BY_SIDE = 32;

/** Seals planned batches as agents do and makes requests of them, ready before any clock starts. */
export async function sealAll(
  planned: readonly PlannedBatch[],
  speakers: readonly Speaker[],
): Promise<Prepared[]> {
  const requests: Prepared[] = [];
  for (let from = 0; from < planned.length; from += SIDE_BY_SIDE)
    requests.push(
      ...(await Promise.all(
        planned.slice(from, from + SIDE_BY_SIDE).map((batch) => sealOne(batch, speakers)),
      )),
    );
  return requests;
}

async function sealOne({ host, sightings }: PlannedBatch, speakers: readonly Speaker[]): Promise<Prepared> {
  const [content, more] = batchesOf({ sightings, unblocks: [] });
  const speaker = speakers[host];
  if (content === undefined || more !== undefined || speaker === undefined)
    throw new Error('a planned batch is not one batch of a host of the fleet');
  return eventRequest((await seal(content, speaker)).jws);
}

/** A push of an event token (RFC 8935), as the agent makes it. */
export async function eventRequest(jws: string): Promise<Prepared> {
  const isLarge = jws.length >= GZIP_FROM_BYTES;
  return {
    path: '/v1/events',
    headers: {
      'content-type': EVENT_MEDIA_TYPE,
      accept: 'application/json',
      ...(isLarge && { 'content-encoding': 'gzip' }),
    },
    body: isLarge ? await gzipAsync(jws) : Buffer.from(jws),
  };
}
