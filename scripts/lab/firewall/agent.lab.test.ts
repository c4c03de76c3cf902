import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asHost } from '../agent.ts';
import { type Lab, openLab } from '../lab.ts';
import { labMissing } from '../missing.ts';
import type { Running } from '../run.ts';
import { waitFor } from '../wait.ts';
import { connects, HOST, pidsOf, reaches } from './host.ts';

const missing = labMissing();

/** The bundle that hosts get; `pnpm build` makes it. */
const PROGRAM = resolve(import.meta.dirname, '../../../agent/dist/agent.mjs');

/** Time for an agent to watch, and to block, ms. */
const READY_MS = 30_000;
const BLOCK_MS = 10_000;

/* The shipped program on a host that has no nftables in its policy: it captures, and blocks by another firewall. */
describe.skipIf(missing)(`agents over other firewalls${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab({ hosts: [HOST] });
    await reaches(lab, 'scanner');
  });
  afterAll(() => lab.close());

  const prepare = async (firewall: string) => {
    const state = join(lab.folder, firewall);
    await mkdir(state, { recursive: true, mode: 0o700 });
    const config = join(lab.folder, `${firewall}.toml`);
    await writeFile(config, `state_dir = ${JSON.stringify(state)}\n[block]\nfirewall = "${firewall}"\n`);
    const argv = (...words: string[]) => [
      ...asHost(HOST),
      process.execPath,
      PROGRAM,
      ...words,
      '--config',
      config,
    ];
    return {
      book: join(state, 'blocks.json'),
      start: async (): Promise<Running> => {
        const running = lab.spawn(HOST, `agent-${firewall}`, argv('run'));
        await running.printed(/active and listening/i, READY_MS);
        return running;
      },
      ask: (...words: string[]) => lab.mustExec(HOST, argv(...words)),
    };
  };
  const scan = () =>
    lab.mustExec('scanner', [
      'nmap',
      '-n',
      '-Pn',
      '-sS',
      '--max-retries',
      '0',
      '-p',
      '300-320',
      lab.node(HOST).v4,
    ]);
  const rules = async () => {
    const asked = [['iptables-save'], ['ipset', 'list', '-n'], ['ip', 'route', 'show', 'type', 'blackhole']];
    const told = await Promise.all(asked.map((argv) => lab.mustExec(HOST, argv)));
    return told
      .join('')
      .split('\n')
      .filter((line) => /picket|blackhole/i.test(line));
  };
  const isBlocked = async () => !(await connects(lab, 'scanner', 80));

  test.each([
    ['iptables-ipset', ['ipset', '-exist', '-']],
    ['iptables', undefined],
    ['route', ['ip', '-force', '-batch', '-']],
  ])(
    'over %s a scan is blocked; the block outlives the agent, is found again, is lifted without one, and down leaves nothing',
    async (firewall, staying) => {
      const { start, ask, book } = await prepare(firewall);
      expect(await isBlocked()).toBe(false);
      const first = await start();
      await scan();
      await waitFor('the block', isBlocked, BLOCK_MS);
      // These firewalls but for ipset keep no end: the book tells it to the next agent.
      await waitFor(
        'the book',
        async () => (await readFile(book, 'utf8').catch(() => '')).includes('.200'),
        BLOCK_MS,
      );
      const stays = async (count: number) =>
        staying === undefined || (await pidsOf(lab, staying)).length === count;
      await waitFor('the program that stays', () => stays(1), BLOCK_MS);
      await first.kill('SIGKILL');
      // What stayed for the agent ends with it.
      await waitFor('no process of the agent', () => stays(0), BLOCK_MS);
      expect(await isBlocked()).toBe(true);
      const second = await start();
      expect(await isBlocked()).toBe(true);
      await second.kill('SIGKILL');
      expect(await ask('unblock', '203.0.113.200')).toContain('No agent runs');
      expect(await isBlocked()).toBe(false);
      await ask('down');
      expect(await rules()).toEqual([]);
    },
  );
});
