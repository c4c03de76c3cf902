import { parseSource } from '@picket/protocol';
import { CORRELATION } from '../correlate/evidence.ts';
import { MAX_PEOPLES_BLOCKS, type News, newsSchema } from '../digest/facts.ts';
import { versionInForce } from './digest-ctes.ts';
import { blockObject } from './digest-sql.ts';
import type { Tx } from './sql.ts';

/** Which blocks people made: those after a version of the list, up to another. */
export type PeopleQuery = {
  networkId: string;
  nowMs: number;
  afterVersion: number;
  upToVersion: number;
  previousMs: number | null;
};

/** Reads what people changed in the block list since the last digest. */
export async function readPeoplesNews(tx: Tx, query: PeopleQuery): Promise<News['people']> {
  const { networkId, nowMs, afterVersion, upToVersion, previousMs } = query;
  const [row] = await tx<[{ people: unknown }]>`
    with changed as materialized (
      select *, removed_at < until_at as is_lifted, author <> ${CORRELATION}
        and (removed_at is null or (removed_at >= until_at and created_at > ${new Date(previousMs ?? 0)})) as is_added
      from block where network_id = ${networkId} and version > ${afterVersion} and version <= ${upToVersion}
    )
    select jsonb_build_object(
      'added', (select count(*) from changed where is_added),
      'lifted', (select count(*) from changed where is_lifted),
      'blocks', coalesce((select jsonb_agg(${blockObject(tx)} || jsonb_build_object('hostsInForce', (
          select count(*) from host h where h.network_id = ${networkId} and h.withdrawn_at is null
            and k.removed_at is null and k.until_at > ${new Date(nowMs)}
            and ${versionInForce(tx)} >= k.version)) order by k.version desc, k.source)
        from (select * from changed where is_added order by version desc, source limit ${MAX_PEOPLES_BLOCKS}) k), '[]')
    ) as people`;
  const people = newsSchema.shape.people.parse(row.people);
  const blocks = people.blocks.map((block) => ({
    ...block,
    source: parseSource(block.source) ?? block.source,
  }));
  return { ...people, blocks };
}
