import { readFile } from 'node:fs/promises';
import type { EntryCommands } from '@picket/agent/firewall/entries';
import { iptablesIpset } from '@picket/agent/firewall/iptables-ipset';
import { blackholeRoutes } from '@picket/agent/firewall/route';
import type { Command } from '@picket/agent/run/runner';
import type { StayingRunner } from '@picket/agent/run/staying-runner';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Lab, openLab } from '../lab.ts';
import { labMissing } from '../missing.ts';
import { waitFor } from '../wait.ts';
import { HOST, pidsOf, runnerOn, stayingRunnerOn } from './host.ts';

const missing = labMissing();
const STANCE = { allow: [], onLink: [], enforce: true };

/** Each backend with a program that stays, and a source with words that only fail when they reach the kernel. */
const SUBJECTS: readonly { commands: EntryCommands; bad: string; words: RegExp }[] = [
  {
    commands: iptablesIpset({ forwarded: true, families: [4, 6] }),
    bad: 'add picket_nowhere4 198.51.100.66 timeout 60',
    words: /^ipset v\S+: The set with the given name does not exist\n$/,
  },
  {
    commands: blackholeRoutes([4, 6]),
    bad: 'route del blackhole 198.51.100.66 proto 112 metric 4715',
    words: /^RTNETLINK answers: No such process\nCommand failed -:\d+\n$/,
  },
];

describe.skipIf(missing)(`programs that stay${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab({ hosts: [HOST] });
  });
  afterAll(() => lab.close());

  describe.each(SUBJECTS)('for $commands.name', ({ commands, bad, words }) => {
    let staying: StayingRunner;
    let ran: Command[];
    const said: string[] = [];
    const inside = () => runnerOn(lab);

    const commandOf = (verb: 'add' | 'remove', ...sources: string[]): Command => {
      const entries = sources.map(
        (source) => ({ source, tier: 'dropped', origin: 'local', untilMs: Date.now() + 600_000 }) as const,
      );
      const steps = verb === 'add' ? commands.add(entries, Date.now()) : commands.remove(entries);
      if (steps[0] === undefined) throw new Error('no step');
      return steps[0].command;
    };
    const change = (verb: 'add' | 'remove', ...sources: string[]) => staying.run(commandOf(verb, ...sources));
    const inForce = async (): Promise<string[]> => {
      const outputs = await Promise.all(commands.list('all').map(async (c) => (await inside()(c)).stdout));
      return (commands.parse(outputs, Date.now()) ?? []).map(({ source }) => source).sort();
    };
    const pids = () => pidsOf(lab, commands.standIn?.argv ?? []);
    /** Goes on until a change is made without a process of its own; gives the one that made it. */
    const settled = () =>
      waitFor(
        'a program that stays',
        async () => {
          const before = ran.length;
          const { status, stderr } = await change('add', '198.51.100.1', '2001:db8:66::/64');
          if (status !== 0 && !/^(RTNETLINK answers: File exists\nCommand failed -:\d+\n)+$/.test(stderr))
            throw new Error(stderr);
          return ran.length === before ? (await pids())[0] : undefined;
        },
        10_000,
      );

    beforeEach(async () => {
      [ran, said.length] = [[], 0];
      for (const { command } of [...commands.tearDown([]), ...commands.setUp(STANCE)])
        await inside()(command);
      const run = async (command: Command) => {
        ran.push(command);
        return inside()(command);
      };
      staying = stayingRunnerOn(lab, commands, { run, log: (message) => said.push(message) });
    });
    afterEach(() => staying.close());

    test('a change is made by the one that stays, of both families, and taken back', async () => {
      await settled();
      expect(await inForce()).toEqual(['198.51.100.1', '2001:db8:66::/64']);
      ran.length = 0;
      expect(await change('add', '198.51.100.7')).toEqual({ status: 0, stdout: '', stderr: '' });
      expect(await change('remove', '198.51.100.1')).toMatchObject({ status: 0 });
      expect(await inForce()).toEqual(['198.51.100.7', '2001:db8:66::/64']);
      expect([ran, said]).toEqual([[], []]);
    });

    test('a line that fails does not keep the others out, and its words are told', async () => {
      await settled();
      const lines = ['198.51.100.7', '198.51.100.8'].map((source) => commandOf('add', source).stdin);
      const { argv } = commandOf('add', '198.51.100.7');
      const outcome = await staying.run({ argv, stdin: lines.join(`${bad}\n`) });
      expect(outcome).toMatchObject({ status: 1, stderr: expect.stringMatching(words) });
      expect(await inForce()).toEqual(expect.arrayContaining(['198.51.100.7', '198.51.100.8']));
      expect(await change('add', '198.51.100.9')).toMatchObject({ status: 0 });
      expect(said).toEqual([]);
    });

    test('a change under way when it is killed is made all the same, and so is the next', async () => {
      for (let i = 1; i <= 10; i++) {
        const pid = await settled();
        const write = change('add', `198.51.100.${i + 100}`);
        process.kill(pid, 'SIGKILL');
        const { stderr } = await write;
        expect(stderr.replace(/RTNETLINK answers: File exists\nCommand failed -:\d+\n/, '')).toBe('');
      }
      expect((await inForce()).filter((source) => source.startsWith('198.51.100.1'))).toHaveLength(11);
    });

    test('one that hangs is given up, and its change is made by another', async () => {
      process.kill(await settled(), 'SIGSTOP');
      expect(await change('add', '198.51.100.9')).toMatchObject({ status: 0 });
      expect(said).toEqual([expect.stringContaining('no answer after 10 s')]);
      expect(await inForce()).toContain('198.51.100.9');
    }, 30_000);

    test('many changes leave no process and little memory behind, and closing ends it', async () => {
      await settled();
      const hundred = Array.from({ length: 100 }, (_, i) => `198.51.100.${i + 100}`);
      for (let i = 0; i < 30; i++) {
        await change('add', ...hundred);
        await change('remove', ...hundred);
      }
      const pid = await settled();
      expect(await memoryOf(pid)).toBeLessThan(16 * 1_024);
      await waitFor('the replaced ones to end', async () => (await pids()).length <= 1 || undefined, 5_000);
      await staying.close();
      expect(await pids()).toEqual([]);
      expect(said).toEqual([]);
    });
  });
});

/** Resident memory of a process, kB. */
async function memoryOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s*(\d+)/m.exec(status)?.[1] ?? 0);
}
