import { describe, expect, test } from 'vitest';
import { NETWORK, openPorts, reachesAll } from './chain.ts';
import { chainSuite } from './chain-suite.ts';
import { labMissing } from './missing.ts';
import { waitFor } from './wait.ts';

/* What holds Picket back, on real packets: observe mode, a pause, and lifting all blocks, with and without an agent. */

const missing = labMissing();

/** Time for news to go from host to collector to host, ms. */
const NEWS_MS = 30_000;

/** Unused ports that are scanned, many times the threshold. */
const PROBES = 20;

/** Runs a program for some seconds, then ends it as Ctrl-C does, and tells its own exit status. */
const FOR_A_WHILE = ['timeout', '--preserve-status', '-s', 'INT', '4'];

describe.skipIf(missing)(`holding back${missing ? ` (skipped: ${missing})` : ''}`, () => {
  const suite = chainSuite('a', 'b');

  const { agent } = suite;
  const ask = async (host: string, command: string, ...args: string[]): Promise<string> => {
    const { status, stdout, stderr } = await agent(host).ask(command, ...args);
    if (status !== 0) throw new Error(`${command}: ${stderr}`);
    return stdout;
  };
  const isIn = (mode: string) => async () => {
    const said = await Promise.all(['a', 'b'].map((host) => ask(host, 'status', '--json')));
    return said.every((text) => JSON.parse(text).stance.mode === mode);
  };
  const open = (host: string) => openPorts(suite.lab, 'scanner', suite.lab.node(host).v4, '22,80');
  const explain = (host: string) => ask(host, 'explain', suite.lab.node('scanner').v4);

  test('a scan of a network in observe mode is told, and no packet is refused on any host', async () => {
    await suite.chain.collector.picket('network', 'mode', NETWORK, 'observe', '--for', '7d');
    await waitFor('each host to observe', isIn('observe'), NEWS_MS);
    const scanner = suite.lab.node('scanner').v4;
    const witness = await suite.lab.witness('a');
    const nmap = ['nmap', '-sS', '-Pn', '-n', '--max-retries', '0', '-p', `1001-${1000 + PROBES}`];
    await suite.lab.mustExec('scanner', [...nmap, suite.lab.node('a').v4]);
    expect((await witness.answered(scanner)).refused).toBe(PROBES);
    const told = () => suite.database.sql`
      select 1 from sighting where tripped_at is not null and block_how not like '% enforced'`;
    await waitFor('the sighting', async () => (await told()).length > 0, NEWS_MS);
    const shared = () => suite.database.sql`select 1 from block where removed_at is null`;
    await waitFor('the shared block', async () => (await shared()).length > 0, NEWS_MS);
    const isListed = async () => JSON.parse(await ask('b', 'status', '--json')).figures.sharedBlocks === 1;
    await waitFor('the list to reach b', isListed, NEWS_MS);
    expect([await open('a'), await open('b')]).toEqual([
      [22, 80],
      [22, 80],
    ]);
    expect(await explain('a')).toMatch(/not blocked, but would be by this host( and the network)? until/);
  });

  test('its mail says so first', async () => {
    await suite.chain.collector.picket('digest', 'send', NETWORK);
    await waitFor('the mail', async () => (await suite.chain.mailServer.mails()).length > 0, NEWS_MS);
    const [mail] = await suite.chain.mailServer.mails();
    expect(mail?.text).toMatch(/^! This network is in observe mode until/m);
    expect(mail?.text).toContain('would have been blocked (observe mode)');
  });

  test('once the network enforces, what was decided is carried out on every host', async () => {
    await suite.chain.collector.picket('network', 'mode', NETWORK, 'enforce');
    await waitFor('each host to enforce', isIn('enforce'), NEWS_MS);
    expect([await open('a'), await open('b')]).toEqual([[], []]);
    expect(await explain('a')).toContain(': blocked by this host');
  });

  test('a pause lets everybody in, survives the agent, and ends on demand', async () => {
    expect(await ask('a', 'pause', '--for', '1h')).toContain('mode: paused by ');
    expect(await open('a')).toEqual([22, 80]);
    await agent('a').kill('SIGKILL');
    await agent('a').start();
    expect(await ask('a', 'status')).toMatch(/^mode: +paused by /m);
    expect(await open('a')).toEqual([22, 80]);
    expect(await ask('a', 'resume')).toContain('mode: enforce');
    expect(await open('a')).toEqual([]);
  });

  test('a pause ends by itself', async () => {
    await ask('a', 'pause', '--for', '2s');
    expect(await open('a')).toEqual([22, 80]);
    const isOver = async () => JSON.parse(await ask('a', 'status', '--json')).stance.mode === 'enforce';
    await waitFor('the pause to end', isOver, NEWS_MS);
    expect(await open('a')).toEqual([]);
  });

  test('a second agent on the same state folder says so and ends', async () => {
    const { status, stderr } = await agent('a').ask('run');
    expect({ status, stderr }).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('another agent runs'),
    });
    expect(await ask('a', 'status')).toContain('engine:');
  });

  test('without an agent a pause and a lift work on the kernel itself, and the next agent heeds them', async () => {
    await agent('b').kill('SIGKILL');
    expect(await open('b')).toEqual([]);
    expect((await agent('b').ask('status')).stderr).toContain('no agent runs');
    expect(await ask('b', 'pause')).toContain('refuse nothing now');
    expect(await open('b')).toEqual([22, 80]);
    expect(await ask('b', 'resume')).toContain('the pause is over');
    await agent('b').start();
    const isInForce = async () => (await open('b')).length === 0;
    await waitFor('the shared block to be in force again', isInForce, NEWS_MS);
    await agent('b').kill('SIGKILL');
    expect(await ask('b', 'lift', '--all')).toContain('1 of the network');
    expect(await open('b')).toEqual([22, 80]);
    await agent('b').start();
    const isListed = async () => JSON.parse(await ask('b', 'status', '--json')).figures.sharedLifted === 1;
    await waitFor('the list to be there', isListed, NEWS_MS);
    expect(await open('b')).toEqual([22, 80]);
    expect(await explain('b')).toContain('that was lifted on this host');
  });

  test('one command lifts every block of a host, and the collector hears of it', async () => {
    expect(await open('a')).toEqual([]);
    expect(await ask('a', 'lift', '--all')).toContain('Lifted 1 blocks of this host');
    expect(await open('a')).toEqual([22, 80]);
    const cleared = () => suite.database.sql`select 1 from source_host where cleared_at is not null`;
    await waitFor('the collector to hear of it', async () => (await cleared()).length > 0, NEWS_MS);
    expect(await explain('a')).toMatch(/all blocks lifted by /);
  });

  test('a source that the kernel knows as a client is explained as one', async () => {
    const { v4 } = suite.lab.node('a');
    expect((await reachesAll(suite.lab, 'client')).ok).toBe(true);
    await suite.lab.mustExec('client', ['nmap', '-n', '-Pn', '-sS', '--max-retries', '0', '-p', '300', v4]);
    const said = () => ask('a', 'explain', suite.lab.node('client').v4);
    await waitFor('the probe', async () => (await said()).includes('300'), NEWS_MS);
    expect(await said()).toContain('known client');
  });

  test('the live view prints one picture below the other where there is no terminal', async () => {
    // Lifted sources are forgotten: it is seen anew.
    await openPorts(suite.lab, 'scanner', suite.lab.node('a').v4, '2001-2002');
    const { status, stdout } = await suite.lab.exec('a', [
      ...FOR_A_WHILE,
      ...agent('a').argv('status', '--watch'),
    ]);
    expect(status).toBe(0);
    expect(stdout.match(/^SOURCE +SEEN +BLOCK/gm)?.length).toBeGreaterThan(1);
    expect(stdout).toMatch(new RegExp(`^${suite.lab.node('scanner').v4} .* syn +tcp 2001-2002`, 'm'));
    expect(stdout).not.toContain('\x1b');
  });

  test('on a terminal the live view stays within its size, and gives the screen back', async () => {
    const words = [...FOR_A_WHILE, ...agent('a').argv('status', '--watch')].join(' ');
    const script = ['script', '-qec', `stty rows 8 cols 50; ${words}`, '/dev/null'];
    const { status, stdout } = await suite.lab.exec('a', script);
    expect(status).toBe(0);
    expect(stdout.startsWith('\x1b[?1049h\x1b[?25l')).toBe(true);
    expect(stdout.trimEnd().endsWith('\x1b[?25h\x1b[?1049l')).toBe(true);
    const pictures = stdout.split('\x1b[H').slice(1);
    expect(pictures.length).toBeGreaterThan(1);
    for (const picture of pictures) {
      const lines = picture.split('\x1b[K\r\n').slice(0, -1);
      expect(lines.length).toBeLessThan(8);
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(50);
    }
  });
});
