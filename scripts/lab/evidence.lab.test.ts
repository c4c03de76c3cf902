import { emptyBlocks } from '@picket/agent/nft/bad-day';
import { readBlocks } from '@picket/agent/nft/elements';
import { renderRuleset } from '@picket/agent/nft/ruleset';
import { rulesetPolicy } from '@picket/agent/policy/derive';
import { parsePolicy } from '@picket/agent/policy/load';
import { forgiveInKernel, kernelHold } from '@picket/agent/watch/kernel-ask';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { forge, strangers } from './forged/forge.ts';
import { type Lab, openLab } from './lab.ts';
import { labMissing } from './missing.ts';

const missing = labMissing();

/** Packets a second: nothing is lost, and the limit hardly refills meanwhile. */
const PER_SECOND = 1_000;

const FOUR = [301, 302, 303, 304];
const SEVEN = [...FOUR, 305, 306, 307];

/** The table alone: what the settings of `[block]` make of forged packets. */
describe.skipIf(missing)(`evidence that can be forged${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab({ hosts: ['a'] });
  });
  afterAll(() => lab?.close());
  beforeEach(() => lab.exec('a', ['nft', 'delete', 'table', 'inet', 'picket']));

  const nft = (...lines: string[]) =>
    lab.mustExec('a', ['nft', '-f', '-'], { stdin: `${lines.join('\n')}\n` });
  const load = (block: string, enforce = true) =>
    nft(
      renderRuleset(rulesetPolicy(parsePolicy(`[block]\n${block}`, ''), [32_768, 60_999], true), enforce),
      'add element inet picket onlink6 { 2001:db8:1::/64 }',
    );
  const run = ({ argv, stdin }: { argv: readonly string[]; stdin?: string }) =>
    lab.exec('a', argv, stdin === undefined ? {} : { stdin });
  const held = async () => {
    const lists = await Promise.all(
      ['held4', 'held64', 'held128'].map((set) =>
        lab.mustExec('a', ['nft', '-j', 'list', 'set', 'inet', 'picket', set]),
      ),
    );
    return lists.flatMap((json) => readBlocks(json, 0)).map(({ source }) => source);
  };
  const counted = async (counter: string) => {
    const printed = await lab.mustExec('a', ['nft', 'list', 'counter', 'inet', 'picket', counter]);
    return Number(/packets (\d+)/.exec(printed)?.[1]);
  };
  const makeClient = (address: string) =>
    nft(`add element inet picket client${address.includes(':') ? 6 : 4} { ${address} }`);
  /** Whether a probe of an unused port gets an answer. */
  const isAnswered = async (from: string, port: number) => {
    const witness = await lab.witness('a');
    const before = (await witness.answered(from)).refused;
    await forge(lab, 'a', [{ from, ports: [port] }], PER_SECOND);
    return (await witness.answered(from)).refused > before;
  };

  test('one limit counts sources of every kind together', async () => {
    await load('new_per_minute = 10');
    const neighbours = Array.from({ length: 10 }, (_, i) => ({ from: `2001:db8:1::f${i}`, ports: FOUR }));
    await forge(lab, 'a', [...strangers(10), ...neighbours], PER_SECOND);
    const sources = await held();
    expect(sources.length).toBeGreaterThanOrEqual(10);
    expect(sources.length).toBeLessThanOrEqual(11);
    expect((await counted('limited')) + sources.length).toBe(20);
  });

  test('without a limit everybody who trips is held', async () => {
    await load('evidence = "any"\nnew_per_minute = 10');
    await forge(lab, 'a', strangers(200), PER_SECOND);
    expect([(await held()).length, await counted('limited')]).toEqual([200, 0]);
  });

  test('where only proof blocks, the kernel holds nobody, tells trips, and answers as ever', async () => {
    await load('evidence = "handshake"');
    const from = '203.0.113.150';
    await lab.addAddress('scanner', from);
    await forge(lab, 'a', [{ from, ports: SEVEN }], PER_SECOND);
    expect([await held(), await counted('limited'), await counted('probes')]).toEqual([[], 4, 7]);
    expect(await isAnswered(from, 400)).toBe(true);
  });

  test('a client is muted by a tripwire too, and held by nothing', async () => {
    await nft(
      renderRuleset(
        rulesetPolicy(parsePolicy('[threshold]\ntripwire_tcp = "23"', ''), [32_768, 60_999], true),
        true,
      ),
    );
    const from = '203.0.113.151';
    await lab.addAddress('scanner', from);
    await makeClient(from);
    await forge(lab, 'a', [{ from, ports: [23] }], PER_SECOND);
    expect([await held(), await counted('muted')]).toEqual([[], 1]);
    expect(await isAnswered(from, 400)).toBe(false);
  });

  test('a client is held as anybody where the policy says so', async () => {
    await load('clients = "any"');
    const from = '203.0.113.152';
    await makeClient(from);
    await forge(lab, 'a', [{ from, ports: SEVEN }], PER_SECOND);
    expect([await held(), await counted('muted')]).toEqual([[from], 0]);
  });

  test('clients take nothing from the limit of others', async () => {
    await load('new_per_minute = 1');
    const clients = Array.from({ length: 5 }, (_, i) => `203.0.113.${160 + i}`);
    for (const client of clients) await makeClient(client);
    await forge(
      lab,
      'a',
      [...clients.map((from) => ({ from, ports: SEVEN })), { from: '198.18.0.1', ports: FOUR }],
      PER_SECOND,
    );
    expect([await held(), await counted('muted')]).toEqual([['198.18.0.1'], 5]);
  });

  test('a client that finds no room among the muted is let go, not held', async () => {
    await load('');
    const full = Array.from({ length: 65_536 }, (_, i) => `10.0.${i >> 8}.${i & 255} timeout 1h`);
    await nft(`add element inet picket muted4 { ${full.join(', ')} }`);
    const from = '203.0.113.153';
    await lab.addAddress('scanner', from);
    await makeClient(from);
    await forge(lab, 'a', [{ from, ports: [...SEVEN, 308, 309] }], PER_SECOND);
    expect(await held()).toEqual([]);
  });

  test('while nothing is enforced a client trips once, and gets every answer', async () => {
    await load('', false);
    const from = '203.0.113.154';
    await lab.addAddress('scanner', from);
    await makeClient(from);
    await forge(lab, 'a', [{ from, ports: [...SEVEN, 308, 309] }], PER_SECOND);
    expect([await counted('muted'), await counted('probes')]).toEqual([1, 9]);
    expect(await isAnswered(from, 400)).toBe(true);
  });

  test('a muted client is answered again once it is allowed, forgiven, or all is lifted', async () => {
    await load('');
    const from = '203.0.113.155';
    await lab.addAddress('scanner', from);
    await makeClient(from);
    const mute = async (first: number) => {
      await forge(lab, 'a', [{ from, ports: SEVEN.map((port) => port + first) }], PER_SECOND);
      expect(await kernelHold(run, from, 0)).toMatchObject({ what: 'muted' });
    };
    await mute(0);
    expect(await isAnswered(from, 400)).toBe(false);
    await nft(`add element inet picket allow4 { ${from} }`);
    expect(await isAnswered(from, 401)).toBe(true);
    await nft('flush set inet picket allow4');
    expect(await isAnswered(from, 402)).toBe(false);
    await forgiveInKernel(run, from);
    expect([await kernelHold(run, from, 0), await isAnswered(from, 403)]).toEqual([undefined, true]);
    await mute(1_000);
    await nft(...emptyBlocks());
    expect(await kernelHold(run, from, 0)).toBeUndefined();
  });

  test('all can be lifted in a table that knows of no muted clients', async () => {
    await load('');
    await nft('flush table inet picket', 'delete set inet picket muted4', 'delete set inet picket muted6');
    await nft(...emptyBlocks());
  });
});
