import { parseAddress, parseSource, TRANSPORTS } from '@picket/protocol';
import { z } from 'zod';
import { MAX_RANGES, type News, newsSchema } from '../digest/facts.ts';
import { bySourceCte, networkCtes, scannerCtes, toldCtes } from './digest-ctes.ts';
import type { NewsQuery } from './digest-sql.ts';
import { scannerObject, totalsObject } from './digest-sql.ts';
import { parsePortsText } from './sighting-form.ts';
import type { Tx } from './sql.ts';

/** News of the scanners: all but what people did. */
export type ScannerNews = Omit<News, 'people' | 'acts'>;

/**
 * Reads what no digest has told of the sightings, and marks it in the same statement: what is marked is exactly what
 * is returned, also of rows that change meanwhile. PostgreSQL adds up; only a bounded number of details comes back.
 */
export async function readScannerNews(tx: Tx, query: NewsQuery): Promise<ScannerNews> {
  const { networkId } = query;
  await planForMany(tx);
  const [row] = await tx<[{ news: unknown }]>`
    with ${toldCtes(tx, query)}, ${networkCtes(tx, query)}, ${bySourceCte(tx, query)}, ${scannerCtes(tx, query)}
    select jsonb_build_object(
      'hosts', (select hosts from versions),
      'totals', ${totalsObject(tx)},
      'below', (select jsonb_build_object('sources', sources, 'probes', probes, 'hosts', (
        select count(distinct host_no) from told where source in (
          select source from by_source where not tripped and not is_shared))) from below),
      'scanners', coalesce((select jsonb_agg(${scannerObject(tx, networkId)} order by top.place)
        from top left join shared k on k.source = top.shared_source), '[]')
    ) as news`;
  return canonical(newsSchema.omit({ people: true, acts: true }).parse(withRanges(row.news)));
}

/**
 * The planner cannot know how many rows the first step yields; a nested loop over two such steps takes minutes where a
 * hash join takes milliseconds. Its high cost would then call for JIT compilation, which costs more than it gains.
 */
async function planForMany(tx: Tx): Promise<void> {
  await tx`select set_config('enable_nestloop', 'off', true), set_config('jit', 'off', true)`;
}

/** Sightings with their ports as ranges, of which a bounded number is kept. */
function withRanges(news: unknown): unknown {
  const { scanners, ...rest } = z.looseObject({ scanners: scannersSchema }).parse(news);
  const told = scanners.map((scanner) => ({
    ...scanner,
    sightings: scanner.sightings.map(({ seen, ...sighting }) => {
      const ports = parsePortsText(seen);
      const kept = TRANSPORTS.map((transport) => [transport, (ports[transport] ?? []).slice(0, MAX_RANGES)]);
      return { ...sighting, ...Object.fromEntries(kept) };
    }),
  }));
  return { ...rest, scanners: told };
}

const scannersSchema = z.array(z.looseObject({ sightings: z.array(z.looseObject({ seen: z.string() })) }));

/** PostgreSQL's text of addresses in JSON is not always the wire's. */
function canonical(news: ScannerNews): ScannerNews {
  const source = (text: string) => parseSource(text) ?? text;
  const scanners = news.scanners.map((scanner) => ({
    ...scanner,
    source: source(scanner.source),
    address: parseAddress(scanner.address) ?? scanner.address,
    shared: scanner.shared && { ...scanner.shared, source: source(scanner.shared.source) },
  }));
  return { ...news, scanners };
}
