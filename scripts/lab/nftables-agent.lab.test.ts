import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Agent, prepareAgent } from './agent.ts';
import { openPorts } from './chain.ts';
import { type Lab, openLab } from './lab.ts';
import { labMissing } from './missing.ts';
import { exec } from './run.ts';
import { waitFor } from './wait.ts';

const missing = labMissing();

/** The shipped program and its children. */
describe.skipIf(missing)(`the agent over its table${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let lab: Lab;
  let agent: Agent;
  beforeAll(async () => {
    lab = await openLab({ hosts: ['a'] });
    agent = await prepareAgent(lab, 'a');
  });
  afterAll(() => lab.close());

  /** Commands that run on the host beside its services: `perl`, `nft`, `tcpdump`, … */
  const running = async (): Promise<string[]> => {
    const { stdout } = await exec(['ip', 'netns', 'pids', lab.namespace('a')]);
    const pids = stdout.trim().split('\n').filter(Boolean);
    const names = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')));
    return names.map((name) => name.trim()).filter((name) => ['perl', 'nft'].includes(name));
  };
  const isWatched = () =>
    waitFor('the table to be watched', async () => (await running()).includes('perl') || undefined, 10_000);
  const isWhole = async () => {
    const chain = await lab.exec('a', ['nft', 'list', 'chain', 'inet', 'picket', 'drop_new']);
    const held = await lab.exec('a', ['nft', 'list', 'set', 'inet', 'picket', 'held4']);
    return chain.stdout.includes('@held4') && held.stdout.includes(lab.node('scanner').v4);
  };

  test('puts its table back with the blocks of the kernel after others flushed the ruleset', async () => {
    await agent.start();
    await isWatched();
    await openPorts(lab, 'scanner', lab.node('a').v4, '300-310');
    await waitFor('the scanner to be held', async () => (await isWhole()) || undefined, 15_000);
    // The agent has heard of it when it stands in its book.
    const knows = async () => {
      const { stdout } = await agent.ask('explain', lab.node('scanner').v4, '--json');
      return (JSON.parse(stdout) as { block?: unknown }).block !== undefined;
    };
    await waitFor('the agent to know', async () => (await knows()) || undefined, 15_000);
    for (const what of [['ruleset'], ['table', 'inet', 'picket']]) {
      await lab.mustExec('a', ['nft', 'flush', ...what]);
      await waitFor(
        `what was flushed (${what[0]}) to be back`,
        async () => (await isWhole()) || undefined,
        15_000,
      );
    }
  }, 60_000);

  test.each(['SIGTERM', 'SIGKILL'] as const)(
    'leaves no child of its firewall behind after %s',
    async (signal) => {
      await agent.kill('SIGTERM');
      await agent.start();
      await isWatched();
      await agent.kill(signal);
      await waitFor('its children to end', async () => (await running()).length === 0 || undefined, 15_000);
      expect(await isWhole()).toBe(true);
    },
    60_000,
  );
});
