import type { Database } from '@picket/db';
import { testDatabase } from '@picket/db/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Chain, NETWORK, openPorts, startChain } from './chain.ts';
import { type Lab, openLab } from './lab.ts';
import { labMissing } from './missing.ts';
import { waitFor } from './wait.ts';

/* A host that scans another one of its network: somebody may have taken it over. It is never blocked, and told loudly. */

const missing = labMissing();

/** Time for news to go from host to collector to host, ms. */
const NEWS_MS = 30_000;

describe.skipIf(missing)(
  `a host that scans its own network${missing ? ` (skipped: ${missing})` : ''}`,
  () => {
    let lab: Lab;
    let database: Database;
    let chain: Chain;

    beforeAll(async () => {
      database = await testDatabase();
      lab = await openLab({ hosts: ['a', 'b'] });
      chain = await startChain(lab, { databaseUrl: database.url });
    }, 180_000);

    afterAll(async () => {
      await lab?.close();
      await database?.close();
    });

    test('is told on the host it scans and in the mail, and blocked nowhere', async () => {
      const { v4: scanned } = lab.node('b');
      const explain = async () =>
        (await chain.agents.get('b')?.ask('explain', lab.node('a').v4))?.stdout ?? '';
      await waitFor('b to know a', async () => (await explain()).includes('never blocked'), NEWS_MS);
      const nmap = ['nmap', '-sS', '-Pn', '-n', '--max-retries', '0', '-p', '1001-1012', scanned];
      await lab.mustExec('a', nmap);
      const told = () => database.sql`select 1 from sighting where tripped_at is not null and block is null`;
      await waitFor('the sighting', async () => (await told()).length > 0, NEWS_MS);
      expect(await explain()).toContain('a host of this network, scans this one');
      expect(await openPorts(lab, 'a', scanned, '22,80')).toEqual([22, 80]);
      await chain.collector.picket('digest', 'send', NETWORK);
      await waitFor('the mail', async () => (await chain.mailServer.mails()).length > 0, NEWS_MS);
      const [mail] = await chain.mailServer.mails();
      expect(mail?.text).toMatch(/Probes came from 1 host of this network/);
      expect(await database.sql`select 1 from block`).toHaveLength(0);
    });
  },
);
