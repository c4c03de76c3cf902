import { afterEach, describe, expect, it } from 'vitest';
import type { Command, Runner } from './runner.ts';
import { createStayingRunner, type StandIn, type StayingRunner } from './staying-runner.ts';
import { fakeStaying } from './testing.ts';

const TOOL = ['tool', 'batch'] as const;
const command = (...lines: string[]): Command => ({ argv: TOOL, stdin: lines.map((l) => `${l}\n`).join('') });

let runner: StayingRunner | undefined;
afterEach(() => runner?.close());

/** A runner with the fake, what it ran as processes, and what it said. */
function start(more = '', standIn: Partial<StandIn> = {}) {
  const [ran, said]: [string[], string[]] = [[], []];
  const run: Runner = async ({ argv, stdin = '' }) => {
    ran.push(`${argv.join(' ')}: ${stdin.trimEnd()}`);
    return { status: 0, stdout: 'by itself', stderr: '' };
  };
  const fake = {
    ...fakeStaying(more),
    of: TOOL,
    takes: /^(?:add|del) [\w ]+$/,
    mostLines: 1_000,
    ...standIn,
  };
  runner = createStayingRunner(fake, { run, log: (message) => said.push(message) });
  return { ran, said, run: runner.run };
}

/** Goes on until the program that stays answers. */
const settled = (run: Runner) => expect.poll(async () => (await run(command('add a'))).stdout).toBe('');

describe('a runner with a program that stays', () => {
  it('runs the command as it is until the other has answered, and then has it do the work', async () => {
    const { run, ran, said } = start();
    expect(await run(command('add a'))).toMatchObject({ stdout: 'by itself' });
    await settled(run);
    ran.length = 0;
    expect(await run(command('add b', 'add nope', 'del c'))).toEqual({
      ...{ status: 1, stdout: '', stderr: 'nope: add nope\n' },
    });
    expect([ran, said]).toEqual([[], []]);
  });

  it('leaves alone other commands, lines that do not stand for themselves, and many lines', async () => {
    const { run, ran } = start();
    await settled(run);
    ran.length = 0;
    const many = Array.from({ length: 201 }, (_, i) => `add ${i}`);
    await run({ argv: ['tool', 'list'] });
    await run({ argv: TOOL });
    await run(command('add a', 'swap a b'));
    await run(command(...many));
    expect(ran).toEqual([
      ...['tool list: ', 'tool batch: ', 'tool batch: add a\nswap a b'],
      `tool batch: ${many.join('\n')}`,
    ]);
  });

  it('runs the command as it is when the other dies meanwhile, and starts it again', async () => {
    const { run, ran, said } = start("if (line === 'add die') process.exit(9);");
    await settled(run);
    ran.length = 0;
    expect(await run(command('add die'))).toMatchObject({ status: 0, stdout: 'by itself' });
    expect(ran).toEqual(['tool batch: add die']);
    expect(said).toEqual(['the fake ended (status 9): its change is made by another tool']);
    await settled(run);
  });

  it('says once that a program cannot stay, and does without it', async () => {
    const { run, said } = start('', {
      argv: [process.execPath, '-e', "console.error('bad option'); process.exit(1)"],
    });
    await run(command('add a'));
    await expect.poll(() => said).toEqual([expect.stringContaining('(status 1) bad option')]);
    expect(await run(command('add b'))).toMatchObject({ stdout: 'by itself' });
    expect(said).toHaveLength(1);
  });

  it('replaces one that has grown old, and loses no line by it', async () => {
    const { run, ran, said } = start('', { mostLines: 10 });
    await settled(run);
    ran.length = 0;
    const outcomes = [];
    for (let i = 0; i < 50; i++) outcomes.push((await run(command(`add nope ${i}`))).stderr);
    const answered = outcomes.flatMap((words, i) => (words === `nope: add nope ${i}\n` ? [i] : []));
    const alone = ran.map((line) => Number(line.split(' ').at(-1)));
    expect([...answered, ...alone].sort((a, b) => a - b)).toEqual(outcomes.map((_, i) => i));
    expect(answered.length).toBeGreaterThan(5);
    expect(said).toEqual([]);
  });

  it('starts nothing any more once it is closed', async () => {
    const { run, ran, said } = start();
    await settled(run);
    await runner?.close();
    ran.length = 0;
    expect(await run(command('add a'))).toMatchObject({ stdout: 'by itself' });
    expect([ran.length, said]).toEqual([1, []]);
  });
});
