import { afterEach, describe, expect, it } from 'vitest';
import { type MarkedChild, type MarkedProgram, startMarkedChild } from './marked-child.ts';
import { fakeStaying } from './testing.ts';

let child: MarkedChild | undefined;
afterEach(() => child?.end());

const start = (more?: string, program: Partial<MarkedProgram> = {}): MarkedChild => {
  child = startMarkedChild({ ...fakeStaying(more), ...program });
  return child;
};

describe('a child with marks', () => {
  it('tells what it said of several lines together, and counts them', async () => {
    const { write } = start();
    const outcomes = await Promise.all([write('add a\nadd nope 1\nadd nope 2'), write('add b')]);
    expect(outcomes).toEqual([
      { status: 1, stdout: '', stderr: 'nope: add nope 1\nnope: add nope 2\n' },
      { status: 0, stdout: '', stderr: '' },
    ]);
    expect(child?.lines).toBe(4);
  });

  it('takes warnings for no failure', async () => {
    const { write } = start("if (line.startsWith('warn')) console.error('Warning: an old kernel');");
    expect(await write('warn me')).toMatchObject({ status: 0, stderr: 'Warning: an old kernel\n' });
    expect(await write('warn me of nope')).toMatchObject({ status: 1 });
  });

  it('is not fooled by the words of another mark, nor by words that come in pieces', async () => {
    const { write } = start(
      "if (line === 'split') { process.stderr.write('no'); process.stderr.write('pe: x\\n'); }",
    );
    expect((await write('nope no command: picket_mark_7')).stderr).toBe(
      'nope: nope no command: picket_mark_7\n',
    );
    expect((await write('split')).stderr).toBe('nope: x\n');
  });

  it('ends with its input, also in the middle of its work', async () => {
    const { write, end, pid = 0 } = start();
    const answer = write('add a');
    await end();
    expect(await answer).toMatchObject({ status: 0 });
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    await expect(write('add b')).rejects.toThrow('the fake ended (status 0)');
  });
});
