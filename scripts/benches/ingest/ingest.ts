import type { Bench, Context } from '../bench.ts';
import type { Row } from '../result.ts';
import { CASES, type Case, PACED, SECONDS } from './cases.ts';
import { measureCopies } from './copy.ts';
import { CROWDSECS, measureCrowdsec } from './crowdsec.ts';
import { rowsOf } from './figures.ts';
import { measurePicket } from './picket.ts';
import { openSite, type Site } from './site.ts';

const PICKET = 'picket';
const COPY = 'psql-copy';

/** How fast one collector process on one core stores what hosts tell. */
export const ingest: Bench = {
  rounds: 1,
  references: [PICKET],
  run: async (context) => {
    context.remark('PostgreSQL and whoever sends share the other core');
    context.remark(
      `${PACED.name}: batches of 200, one due each 40 ms; nobody else could be asked for as much`,
    );
    const site = await openSite();
    try {
      const rows: Row[] = [];
      for (let round = 1; round <= context.rounds; round++)
        for (const theCase of [...CASES, PACED]) rows.push(...(await runCase(context, site, theCase, round)));
      return rows;
    } finally {
      await site.close();
    }
  },
};

async function runCase(context: Context, site: Site, theCase: Case, round: number): Promise<Row[]> {
  const seconds = context.seconds ?? SECONDS;
  const rows: Row[] = [];
  const add = (found: Row[]) => {
    rows.push(...found);
    for (const { who, metric, value } of found) context.say(`${theCase.name} ${who} ${metric} ${value}`);
  };
  // A peer that fails costs its own figures only.
  const addPeer = async (who: string, measuring: Promise<Row[]>) => {
    add(
      await measuring.catch((error: Error) => {
        context.remark(`${theCase.name} ${who}: ${error.message}`);
        return [];
      }),
    );
  };
  const isPaced = theCase.everyMs !== undefined;
  const wantsCopy = !isPaced && context.wants(theCase.name, COPY);
  if (context.wants(theCase.name, PICKET) || wantsCopy) {
    const { measured, databaseUrl } = await measurePicket(context, site, { theCase, seconds, seed: round });
    add(rowsOf(theCase.name, PICKET, measured));
    if (measured.accepted > 0 && wantsCopy)
      await addPeer(COPY, measureCopies(site, databaseUrl, theCase, measured));
    await site.dropDatabase(databaseUrl);
  }
  for (const way of isPaced ? [] : CROWDSECS)
    if (context.wants(theCase.name, way.name))
      await addPeer(way.name, measureCrowdsec(context, site, way, { theCase, seconds }));
  return rows;
}
