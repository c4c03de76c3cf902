import { readFile } from 'node:fs/promises';
import { startInteractiveNft } from '@picket/agent/run/interactive-nft';
import { createNftSession, type NftSession } from '@picket/agent/run/nft-session';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Lab, openLab } from './lab.ts';
import { labMissing } from './missing.ts';
import { waitFor } from './wait.ts';

const missing = labMissing();
const SETS = 'table inet trial { set one { type ipv4_addr; }; set two { type ipv4_addr; }; }';

/** The real nft that stays. */
describe.skipIf(missing)(`nft that stays${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let lab: Lab;
  let session: NftSession;
  let said: string[];
  beforeAll(async () => {
    lab = await openLab({ hosts: ['a'] });
  });
  afterAll(() => lab.close());
  const inside = (...argv: string[]): [string, ...string[]] => [
    ...(['ip', 'netns', 'exec', lab.namespace('a')] as const),
    ...argv,
  ];
  const staying = async (): Promise<number[]> => {
    const { stdout } = await lab.exec('a', ['pgrep', '-f', '^nft -i$']);
    const pids = stdout.trim().split('\n').filter(Boolean).map(Number);
    return pids.filter((pid) => session.isOwn(pid));
  };
  /** Goes on with small changes until one is taken by the nft that stays. */
  const settled = () =>
    waitFor(
      'an nft that stays',
      async () => {
        await session.write(['add table inet trial']);
        return (await staying())[0];
      },
      15_000,
    );
  beforeEach(async () => {
    said = [];
    session = createNftSession({ prefix: inside().slice(0, 4), log: (m) => said.push(m) });
    await lab.mustExec('a', ['nft', '-f', '-'], {
      stdin: `add table inet trial; delete table inet trial; ${SETS}\n`,
    });
    await settled();
  });
  afterEach(() => session.close());

  const elements = async (set: string) => {
    const listed = await lab.mustExec('a', ['nft', 'list', 'set', 'inet', 'trial', set]);
    return [...listed.matchAll(/\d+\.\d+\.\d+\.\d+/g)].map(([address]) => address).sort();
  };

  test('several statements are one transaction: one that fails takes the others along', async () => {
    const failed = await session.write([
      'add element inet trial one { 192.0.2.1 }',
      'add element inet trial nowhere { 192.0.2.1 }',
    ]);
    expect(failed).toMatchObject({ status: 1, stderr: expect.stringContaining('No such file or directory') });
    expect(await elements('one')).toEqual([]);
    const both = ['one', 'two'].map((set) => `add element inet trial ${set} { 192.0.2.2 }`);
    expect(await session.write(both)).toMatchObject({ status: 0, stderr: '' });
    expect([await elements('one'), await elements('two')]).toEqual([['192.0.2.2'], ['192.0.2.2']]);
  });

  test('garbage is refused in words, and the next change is made', async () => {
    for (const garbage of ['}', '{ { {', 'add element inet trial one { 192.0.2.1', '"', "'", '$x'])
      expect([garbage, (await session.write([garbage])).status]).toEqual([garbage, 1]);
    expect(await session.write(['add element inet trial one { 192.0.2.3 }'])).toMatchObject({ status: 0 });
    expect(await elements('one')).toEqual(['192.0.2.3']);
    expect(said).toEqual([]);
  });

  test('a change under way when it is killed is made all the same', async () => {
    for (let i = 1; i <= 20; i++) {
      const pid = await settled();
      const write = session.write([`add element inet trial one { 192.0.2.${i} }`]);
      process.kill(pid, 'SIGKILL');
      expect(await write).toMatchObject({ status: 0 });
    }
    expect(await elements('one')).toHaveLength(20);
  });

  test('one that hangs is given up, and its change is made by another', async () => {
    const pid = await settled();
    process.kill(pid, 'SIGSTOP');
    expect(await session.write(['add element inet trial one { 192.0.2.9 }'])).toMatchObject({ status: 0 });
    expect(said).toEqual([expect.stringContaining('no answer after 10 s')]);
    expect(await elements('one')).toEqual(['192.0.2.9']);
  }, 30_000);

  test('10,000 changes leave no process and no memory behind', async () => {
    const sizes: number[] = [];
    for (let i = 0; i < 10_000; i++) {
      const line = `add element inet trial one { 192.0.2.1 }; delete element inet trial one { 192.0.2.1 }`;
      const { status, stderr } = await session.write([line]);
      if (status !== 0) throw new Error(stderr);
      if (i % 500 === 499) sizes.push(await memoryOf((await staying()).at(-1) ?? 0));
    }
    // It grows by its history, and is replaced before that matters: 5 MB when it begins, 8 at the end of its life.
    expect(Math.max(...sizes)).toBeLessThan(16 * 1024);
    await waitFor('the replaced ones to end', async () => (await staying()).length <= 1 || undefined, 15_000);
    await session.close();
    expect(await staying()).toEqual([]);
  }, 120_000);

  test('it ends when its input does, as it does when an agent is killed', async () => {
    const nft = startInteractiveNft(inside('nft', '-i'));
    await nft.write('');
    await nft.end();
    expect(() => process.kill(nft.pid ?? 0, 0)).toThrow('ESRCH');
  });
});

/** Resident memory of a process, kB. */
async function memoryOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s*(\d+)/m.exec(status)?.[1] ?? 0);
}
