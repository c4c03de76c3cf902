import { expect, it, test } from 'vitest';
import { readCall } from './call.ts';
import { BENCHES, findBench, listing } from './registry.ts';
import { createContext } from './run-bench.ts';

it('answers an unknown name, and none at all, with the names that there are', () => {
  for (const args of [[], ['nothing'], ['toString'], ['--needs', '']]) {
    const call = readCall(args);
    expect(call).toMatchObject({ do: 'refuse', message: expect.stringContaining(listing()) });
  }
});

test.each(Object.keys(BENCHES))('"%s" is listed, says what it needs, and loads', async (name) => {
  expect(listing()).toContain(`  ${name} `);
  const needs = readCall(['--needs', name]);
  expect(needs).toMatchObject({ do: 'needs' });
  const bench = await findBench(name)?.load();
  expect(bench?.rounds).toBeGreaterThan(0);
});

it('reads rounds, a file and a part of a cell', () => {
  const [name = ''] = Object.keys(BENCHES);
  expect(readCall([name, '--rounds', '3', '--trips', '50', '--json', 'x.json', '--only', 'syn'])).toEqual({
    do: 'run',
    name,
    json: 'x.json',
    rounds: 3,
    trips: 50,
    seconds: undefined,
    rows: undefined,
    only: 'syn',
    realWaits: false,
  });
  expect(readCall([name, '--rounds', '0'])).toMatchObject({ do: 'refuse' });
  expect(readCall([name, '--trips', '1e9'])).toMatchObject({ do: 'refuse' });
  expect(readCall([name, 'more'])).toMatchObject({ do: 'refuse' });
  expect(readCall([name, '--fast'])).toMatchObject({ do: 'refuse' });
});

it('refuses seconds and rows where a benchmark knows none', () => {
  expect(readCall(['ingest', '--seconds', '2'])).toMatchObject({ do: 'run', seconds: 2 });
  expect(readCall(['ingest-growth', '--rows', '1000000'])).toMatchObject({ do: 'run', rows: 1_000_000 });
  expect(readCall(['ingest-growth', '--rows', '1e9'])).toMatchObject({ do: 'refuse' });
  expect(readCall(['matrix', '--seconds', '2'])).toEqual({
    do: 'refuse',
    message: '"matrix" takes no --seconds',
  });
});

it('wants the cells whose case or who holds the words of --only', () => {
  const { context, remarks } = createContext({ rounds: 1, only: 'syn', realWaits: false }, () => {});
  expect([context.wants('syn-v4', 'psad'), context.wants('fin-v4', 'psad')]).toEqual([true, false]);
  context.remark('once');
  context.remark('once');
  expect([...remarks]).toEqual(['once']);
});
