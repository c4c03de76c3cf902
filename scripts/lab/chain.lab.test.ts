import { join, resolve } from 'node:path';
import { unpackToken } from '@picket/collector/store/packed-token';
import { parsePortsText } from '@picket/collector/store/sighting-form';
import type { Database } from '@picket/db';
import { testDatabase } from '@picket/db/testing';
import { PUSH_ERRORS, pushErrorSchema } from '@picket/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { hostName } from './agent.ts';
import { type Chain, NETWORK, openPorts, reachesAll, startChain } from './chain.ts';
import { type Lab, openLab } from './lab.ts';
import { labMissing } from './missing.ts';
import { type ScanFigures, scan } from './scan.ts';
import { waitFor } from './wait.ts';

/*
 * The main job from packet to mail, with the shipped programs and the shipped default policy. What is asserted is seen
 * from outside: on the wire, in counters of a table of their own, in the database and in the mail.
 */

const missing = labMissing();

/** Ports of the lab's hosts on which something listens. */
const OPEN_PORTS = 2;

/** Distinct unused ports that trip a source by the default policy: the last of them is refused already. */
const THRESHOLD = 4;

/** Second address of the scanner: the source that scans while the collector is away. */
const LATER_SCANNER = '203.0.113.210';

/** Time for an event to reach the database, ms: agents try again after a pause when the collector was away. */
const ARRIVAL_MS = 60_000;

/** Time for everything to start and for nmap to give up on a host that answers nothing any more, ms. */
const SET_UP_MS = 300_000;

const replySchema = z.object({ status: z.int(), body: z.string() });

describe.skipIf(missing)(`the whole chain${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let lab: Lab;
  let database: Database;
  let chain: Chain;
  let figures: ScanFigures;

  beforeAll(async () => {
    database = await testDatabase();
    lab = await openLab({ hosts: ['a', 'b', 'c'] });
    chain = await startChain(lab, { databaseUrl: database.url });
    figures = await scan(lab, { from: 'scanner', target: 'a', others: ['b', 'c'] });
  }, SET_UP_MS);

  afterAll(async () => {
    await lab?.close();
    await database?.close();
  });

  const push = async (token: string) => {
    const argv = [
      process.execPath,
      '--import',
      'tsx',
      join(import.meta.dirname, 'push.ts'),
      chain.collector.url,
    ];
    const cwd = resolve(import.meta.dirname, '../..');
    return replySchema.parse(JSON.parse(await lab.mustExec('client', argv, { cwd, stdin: token })));
  };

  const storedToken = async () => {
    const [batch] = await database.sql<
      { packed: Uint8Array }[]
    >`select packed from received_batch order by jti limit 1`;
    if (batch === undefined) throw new Error('no batch was stored');
    return unpackToken(batch.packed);
  };

  test('a scan of one host trips there before it has seen more than the open ports and the threshold', () => {
    expect(figures.probesPassed).toBeLessThan(OPEN_PORTS + THRESHOLD);
  });

  test('the scanned host and the others refuse the scanner', async () => {
    for (const { name, v4 } of lab.hosts)
      expect({ name, open: await openPorts(lab, 'scanner', v4, '22,80') }).toEqual({ name, open: [] });
    expect(figures.shared.map(({ host }) => host)).toEqual(['b', 'c']);
  });

  test('only the scanned host saw the scanner, and the shared block is of the scanner alone', async () => {
    const sightings = await database.sql`
      select h.name, s.source from sighting s join host h on h.network_id = s.network_id and h.no = s.host_no`;
    expect([...sightings]).toEqual([{ name: hostName('a'), source: lab.node('scanner').v4 }]);
    const blocks = await database.sql`select source from block where removed_at is null`;
    expect([...blocks]).toEqual([{ source: lab.node('scanner').v4 }]);
  });

  test('a client that means no harm reaches every listener', async () => {
    expect(await reachesAll(lab, 'client')).toMatchObject({ ok: true });
  });

  test('the hour has exactly one mail: it names scanner, host and ports, and not the client', async () => {
    await chain.collector.picket('digest', 'send', NETWORK);
    await waitFor('the mail', async () => (await chain.mailServer.mails()).length > 0, ARRIVAL_MS);
    await chain.collector.picket('digest', 'send', NETWORK);
    const mails = await chain.mailServer.mails();
    expect(mails).toHaveLength(1);
    for (const part of [mails[0]?.text, mails[0]?.html]) {
      expect(part).toContain(lab.node('scanner').v4);
      expect(part).toContain(hostName('a'));
      expect(part).not.toContain(lab.node('client').v4);
    }
    const [row] = await database.sql<{ ports: string }[]>`select ports from sighting`;
    const { tcp = [] } = parsePortsText(row?.ports ?? '');
    for (const [port] of tcp) expect(mails[0]?.text).toMatch(new RegExp(`\\b${port}\\b`));
    expect(tcp).not.toEqual([]);
  });

  test('a batch with one flipped bit is refused in the words of RFC 8935', async () => {
    const [header, payload = '', signature] = (await storedToken()).split('.');
    const bytes = Buffer.from(payload, 'base64url');
    // A digit of `iat`: the claims stay well formed, so that only the signature can tell.
    const digit = bytes.indexOf('"iat":') + '"iat":'.length + 8;
    bytes[digit] = (bytes[digit] ?? 0) ^ 1;
    const { status, body } = await push([header, bytes.toString('base64url'), signature].join('.'));
    expect(status).toBe(400);
    expect(PUSH_ERRORS).toContain(pushErrorSchema.parse(JSON.parse(body)).err);
    expect(JSON.parse(body)).toMatchObject({ err: 'authentication_failed' });
  });

  test('a second batch with the same id is taken and changes nothing', async () => {
    for (const agent of chain.agents.values()) await agent.kill('SIGTERM');
    const token = await storedToken();
    const before = await snapshot(database);
    expect(await push(token)).toEqual({ status: 202, body: '' });
    expect(await snapshot(database)).toEqual(before);
    for (const agent of chain.agents.values()) await agent.start();
  });

  test('a scan while the collector is away is blocked at once and told when it is back', async () => {
    await chain.collector.kill('SIGKILL');
    await lab.addAddress('scanner', LATER_SCANNER);
    const { v4 } = lab.node('b');
    const nmap = ['nmap', '-sS', '-Pn', '-n', '-S', LATER_SCANNER, '-e', 'eth0', '--max-retries', '1'];
    await lab.mustExec('scanner', [...nmap, '-p', '1001-1010', v4]);
    const printed = await lab.mustExec('scanner', [...nmap, '-p', '22,80', v4]);
    expect(printed).not.toMatch(/\/tcp +open/);
    await chain.collector.start();
    const isTold = async () =>
      (await database.sql`select 1 from sighting where source = ${LATER_SCANNER} and tripped_at is not null`)
        .length;
    await waitFor('the sighting to arrive', isTold, ARRIVAL_MS);
  });

  test('blocks survive an agent that is killed and started again', async () => {
    const agent = chain.agents.get('a');
    const { v4 } = lab.node('a');
    await agent?.kill('SIGKILL');
    expect(await openPorts(lab, 'scanner', v4, '22,80')).toEqual([]);
    await agent?.start();
    expect(await openPorts(lab, 'scanner', v4, '22,80')).toEqual([]);
  });

  test('"down" removes all that the agent has in the kernel', async () => {
    const tables = () => lab.mustExec('a', ['nft', 'list', 'tables']);
    expect(await tables()).toContain('inet picket');
    // One that runs would put it back within a second.
    await chain.agents.get('a')?.kill('SIGTERM');
    await chain.agents.get('a')?.down();
    expect(await tables()).not.toContain('inet picket');
    expect(await openPorts(lab, 'scanner', lab.node('a').v4, '22,80')).toEqual([22, 80]);
  });
});

/** A checksum of every table. */
async function snapshot({ sql }: Database): Promise<Record<string, string>> {
  const tables = await sql<{ name: string }[]>`
    select tablename as name from pg_tables where schemaname = 'public' order by 1`;
  const sums: Record<string, string> = {};
  for (const { name } of tables) {
    const [row] = await sql<{ sum: string }[]>`
      select count(*) || ' ' || md5(coalesce(string_agg(t::text, chr(10) order by t::text), '')) as sum
      from ${sql(name)} t`;
    sums[name] = row?.sum ?? '';
  }
  return sums;
}
