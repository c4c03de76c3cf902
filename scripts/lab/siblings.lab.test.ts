import { describe, expect, test } from 'vitest';
import { NETWORK, openPorts } from './chain.ts';
import { chainSuite } from './chain-suite.ts';
import { labMissing } from './missing.ts';
import { waitFor } from './wait.ts';

/* A host that scans another one of its network: somebody may have taken it over. It is never blocked, and told loudly. */

const missing = labMissing();

/** Time for news to go from host to collector to host, ms. */
const NEWS_MS = 30_000;

describe.skipIf(missing)(
  `a host that scans its own network${missing ? ` (skipped: ${missing})` : ''}`,
  () => {
    const suite = chainSuite('a', 'b');

    test('is told on the host it scans and in the mail, and blocked nowhere', async () => {
      const { v4: scanned } = suite.lab.node('b');
      const explain = async () => (await suite.agent('b').ask('explain', suite.lab.node('a').v4)).stdout;
      await waitFor('b to know a', async () => (await explain()).includes('never blocked'), NEWS_MS);
      const nmap = ['nmap', '-sS', '-Pn', '-n', '--max-retries', '0', '-p', '1001-1012', scanned];
      await suite.lab.mustExec('a', nmap);
      const told = () =>
        suite.database.sql`select 1 from sighting where tripped_at is not null and block_how is null`;
      await waitFor('the sighting', async () => (await told()).length > 0, NEWS_MS);
      expect(await explain()).toContain('a host of this network, scans this one');
      expect(await openPorts(suite.lab, 'a', scanned, '22,80')).toEqual([22, 80]);
      await suite.chain.collector.picket('digest', 'send', NETWORK);
      await waitFor('the mail', async () => (await suite.chain.mailServer.mails()).length > 0, NEWS_MS);
      const [mail] = await suite.chain.mailServer.mails();
      expect(mail?.text).toMatch(/Probes came from 1 host of this network/);
      expect(await suite.database.sql`select 1 from block`).toHaveLength(0);
    });
  },
);
