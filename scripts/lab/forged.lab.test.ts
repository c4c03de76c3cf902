import { join, resolve } from 'node:path';
import { explanationSchema, statusSchema } from '@picket/agent/control/messages';
import { readBlocks } from '@picket/agent/nft/elements';
import { kernelHold } from '@picket/agent/watch/kernel-ask';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Agent, prepareAgent } from './agent.ts';
import { among, forge, strangers } from './forged/forge.ts';
import { type Lab, openLab } from './lab.ts';
import { labMissing } from './missing.ts';
import type { Running } from './run.ts';
import { waitFor } from './wait.ts';

/* Nobody is shut out by packets forged in their name: on real packets, seen from outside. */

const missing = labMissing();

/** Forged sources of the flood, each of which would trip. */
const SOURCES = process.env.PICKET_TEST_FULL === '1' ? 100_000 : 20_000;

/** Forged packets a second: more than the agent can be told of one by one. */
const PER_SECOND = 20_000;

/** Sources that the default policy lets forgeable evidence block at once, and those that may follow each minute. */
const NEW_PER_MINUTE = 60;

/** Probes in each innocent's name within the flood: many times `client_ports`. */
const IN_THEIR_NAMES = 40;

const WAIT_MS = 20_000;

/** So long after the last trip over the limit the agent says that it blocks again, ms. */
const RECOVERED_MS = 60_000;

const ECHO = `require('node:net').createServer((s) => s.on('error', () => {}).pipe(s)).listen(7, '::', () => console.log('open'))`;

/** A connection on which nothing is said before it is asked for: to the kernel its owner is no client yet. */
const IDLE = `const s = require('node:net').connect(7, process.argv[1], () => console.log('connected'));
  s.on('data', () => console.log('heard')); process.on('SIGUSR2', () => s.write('word\\n'))`;

const HOUR_MS = 3_600_000;

describe.skipIf(missing)(`forged sources${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let lab: Lab;
  let agent: Agent;
  let started: Running[] = [];
  let serial = 0;
  beforeAll(async () => {
    lab = await openLab({ hosts: ['a'] });
    await lab.spawn('a', 'echo', [process.execPath, '-e', ECHO]).printed(/open/, WAIT_MS);
  });
  afterAll(() => lab?.close());
  beforeEach(async () => {
    agent = await prepareAgent(lab, 'a');
    await agent.start();
  });
  afterEach(async () => {
    for (const process of started) await process.stop();
    started = [];
    await agent.kill('SIGTERM');
    await agent.down();
  });

  const isLimiting = async () => {
    const { status, stdout } = await agent.ask('status', '--json');
    return status === 0 ? statusSchema.parse(JSON.parse(stdout)).figures.isLimiting : undefined;
  };
  /** What the agent tells of an address: whether it tripped, and whether it is blocked. */
  const told = async (address: string) => {
    const { seen, block, buckets } = explanationSchema.parse(
      JSON.parse((await agent.ask('explain', address, '--json')).stdout),
    );
    return { hasTripped: seen?.tripAtMs !== undefined, block, kinds: buckets.map(({ kind }) => kind) };
  };
  const hasTripped = (address: string) => async () => (await told(address)).hasTripped;
  const kernelDoes = (address: string) =>
    kernelHold(
      ({ argv, stdin }) => lab.exec('a', argv, stdin === undefined ? {} : { stdin }),
      address,
      Date.now(),
    );

  const held = async () => {
    const sets = ['held4', 'held64', 'held128'];
    const lists = await Promise.all(
      sets.map((set) => lab.mustExec('a', ['nft', '-j', 'list', 'set', 'inet', 'picket', set])),
    );
    return lists.flatMap((json) => readBlocks(json, Date.now()));
  };
  const counted = async (counter: string) => {
    const printed = await lab.mustExec('a', ['nft', 'list', 'counter', 'inet', 'picket', counter]);
    return Number(/packets (\d+)/.exec(printed)?.[1]);
  };

  /** A client at work from an address of a node; it is one in the kernel's eyes too when this resolves. */
  const innocent = async (node: string, family: 'v4' | 'v6') => {
    const address = lab.node(node)[family];
    const script = join(import.meta.dirname, 'forged/innocent.ts');
    const argv = [process.execPath, '--import', 'tsx', script, lab.node('a')[family], address];
    const process_ = lab.spawn(node, `innocent-${++serial}`, argv, {
      cwd: resolve(import.meta.dirname, '../..'),
    });
    started.push(process_);
    const says = async () => JSON.parse((await process_.output()).trim().split('\n').at(-1) || '{}');
    await waitFor(`${address} to be served`, async () => (await says()).opened > 2, WAIT_MS);
    return { address, says };
  };
  type Innocent = Awaited<ReturnType<typeof innocent>>;

  /** All that it tried worked, and goes on to work: three more words and three more connections. */
  const isServed = async ({ address, says }: Innocent) => {
    const before = await says();
    const isMore = async () => {
      const { words, opened } = await says();
      return words > before.words + 2 && opened > before.opened + 2;
    };
    await waitFor(`${address} to be served still`, isMore, WAIT_MS);
    expect(await says()).toMatchObject({ isAlive: true, refused: 0 });
  };

  test(`a flood of ${SOURCES} forged sources cuts no client off, and blocks no more than the limit`, async () => {
    const innocents = [
      await innocent('client', 'v4'),
      await innocent('client', 'v6'),
      await innocent('far', 'v6'),
    ];
    const names = innocents.map(({ address }) => address);
    const startMs = Date.now();
    const flood = forge(lab, 'a', among(strangers(SOURCES), names, IN_THEIR_NAMES), PER_SECOND);
    await waitFor('the agent to say that it limits', isLimiting, 2 * WAIT_MS);
    for (const one of innocents) await isServed(one);
    await flood;
    const blocked = (await held()).map(({ source }) => source);
    const minutes = (Date.now() - startMs) / 60_000;
    expect(blocked.length).toBeLessThanOrEqual(Math.ceil(NEW_PER_MINUTE * (1 + minutes)));
    expect(blocked.length).toBeGreaterThanOrEqual(NEW_PER_MINUTE);
    expect(await counted('limited')).toBeGreaterThan(SOURCES / 4);
    const areTold = async () => {
      // What got lost in the flood is told with the next probe.
      await forge(
        lab,
        'a',
        names.map((from) => ({ from, ports: [99] })),
        10,
      );
      return (await Promise.all(names.map(told))).every((one) => one.hasTripped && one.block === undefined);
    };
    await waitFor('all clients to be told', areTold, WAIT_MS);
    for (const one of innocents) await isServed(one);
    expect(blocked).not.toEqual(expect.arrayContaining([expect.stringMatching(/^203\.|^2001:db8:(1|66):/)]));
    const isOver = async () => (await isLimiting()) === false;
    await waitFor('the agent to say that it blocks again', isOver, RECOVERED_MS + WAIT_MS);
    const scanner = '203.0.113.190';
    await lab.addAddress('scanner', scanner);
    await scan(scanner, '300-310');
    expect((await held()).map(({ source }) => source)).toContain(scanner);
  }, 300_000);

  test('packets forged slowly in the name of a client mute it, and cost it nothing', async () => {
    const one = await innocent('client', 'v4');
    const [witness, { v4 }] = [await lab.witness('a'), lab.node('a')];
    const answers = async () => (await witness.answered(one.address)).refused;
    const before = await answers();
    // As many as a client may try, and the one that is too much.
    await forge(lab, 'a', [{ from: one.address, ports: [301, 302, 303, 304, 305, 306] }], 5);
    await waitFor('the answers', async () => (await answers()) === before + 6, WAIT_MS);
    await forge(lab, 'a', [{ from: one.address, ports: [307] }], 5);
    await waitFor('the client to be told', hasTripped(one.address), WAIT_MS);
    expect(await told(one.address)).toMatchObject({ block: undefined, kinds: ['known client'] });
    expect(await kernelDoes(one.address)).toMatchObject({ what: 'muted' });
    expect(await held()).toEqual([]);
    await isServed(one);
    for (const how of [['-sS'], ['-sF'], ['-sU', '--host-timeout', '10s']]) {
      const ports = ['-p', '400-403,50000', '--max-retries', '0', v4];
      await lab.mustExec('client', ['nmap', '-n', '-Pn', ...how, ...ports]);
    }
    const { refused, unreachable } = await witness.answered(one.address);
    expect([refused, unreachable]).toEqual([before + 6, 0]);
    expect(await lab.mustExec('client', ['nmap', '-n', '-Pn', '-sT', '-p', '22,80', v4])).toMatch(
      /22\/tcp open[\s\S]*80\/tcp open/,
    );
    await isServed(one);
  });

  test('a muted client stays muted when the agent is killed and starts again', async () => {
    const one = await innocent('client', 'v6');
    await forge(lab, 'a', [{ from: one.address, ports: [301, 302, 303, 304, 305, 306, 307] }], 50);
    await waitFor('the client to be muted', () => kernelDoes(one.address), WAIT_MS);
    await agent.kill('SIGKILL');
    await agent.start();
    expect(await kernelDoes(one.address)).toMatchObject({ what: 'muted' });
    const witness = await lab.witness('a');
    const before = await witness.answered(one.address);
    await lab.mustExec('client', ['nmap', '-6', '-n', '-Pn', '-sS', '-p', '400-410', lab.node('a').v6]);
    expect((await witness.answered(one.address)).refused).toBe(before.refused);
    await isServed(one);
  });

  test("packets forged in a stranger's name hold it for a short time, and what this host has with it goes on", async () => {
    const { v4: stranger } = lab.node('far');
    started.push(lab.spawn('far', 'echo-far', [process.execPath, '-e', ECHO]));
    const script = join(import.meta.dirname, 'forged/innocent.ts');
    const argv = [process.execPath, '--import', 'tsx', script, stranger, lab.node('a').v4];
    const outbound = lab.spawn('a', 'outbound', argv, { cwd: resolve(import.meta.dirname, '../..') });
    started.push(outbound);
    const says = async () => JSON.parse((await outbound.output()).trim().split('\n').at(-1) || '{}');
    await waitFor('the outbound connection', async () => (await says()).opened > 2, WAIT_MS);
    const idle = lab.spawn('far', 'idle', [process.execPath, '-e', IDLE, lab.node('a').v4]);
    started.push(idle);
    await idle.printed(/connected/, WAIT_MS);
    await forge(lab, 'a', [{ from: stranger, ports: [301, 302, 303, 304] }], 5);
    await waitFor('the hold to be told', async () => (await told(stranger)).block, WAIT_MS);
    const { block } = await told(stranger);
    expect(block).toMatchObject({ tier: 'held', decidedBy: 'kernel' });
    expect((block?.untilMs ?? 0) - Date.now()).toBeLessThanOrEqual(HOUR_MS);
    expect((await kernelDoes(stranger))?.what).toBe('held');
    await isServed({ address: stranger, says });
    process.kill(idle.pid, 'SIGUSR2');
    await idle.printed(/heard/, WAIT_MS);
  });

  const scan = (address: string, ports: string) =>
    lab.mustExec('scanner', [
      ...['nmap', '-n', '-Pn', '-sS', '--max-retries', '0', '-S', address, '-e', 'eth0', '-p', ports],
      lab.node('a').v4,
    ]);
});
