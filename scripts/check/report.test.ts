import { expect, test } from 'vitest';
import { summarise } from './report.ts';

const file = (name: string, ...tests: [fullName: string, status: string][]) => ({
  name,
  status: tests.some(([, status]) => status === 'failed') ? 'failed' : 'passed',
  assertionResults: tests.map(([fullName, status]) => ({ fullName, status })),
});

test('passed, failed and skipped tests are counted over all files', () => {
  const report = {
    testResults: [
      file('a.test.ts', ['one', 'passed'], ['two', 'failed']),
      file('b.test.ts', ['three', 'passed'], ['four', 'skipped'], ['five', 'todo']),
    ],
  };
  expect(summarise(report, undefined)).toMatchObject({ passed: 2, failed: 1, skipped: 2 });
});

test('a file that fails before it has tests counts as a failure', () => {
  const report = { testResults: [{ name: 'a.test.ts', status: 'failed', assertionResults: [] }] };
  expect(summarise(report, undefined)).toMatchObject({ passed: 0, failed: 1, skipped: 0 });
});

test('a skipped test tells its own reason, or that of the lab, or that it gave none', () => {
  const report = {
    testResults: [
      file('x.lab.test.ts', ['chain (skipped: no nmap) works', 'skipped'], ['another', 'skipped']),
      file('y.test.ts', ['third', 'skipped']),
    ],
  };
  expect(summarise(report, 'the lab needs root').skips).toEqual([
    { name: 'chain (skipped: no nmap) works', reason: 'no nmap' },
    { name: 'another', reason: 'the lab needs root' },
    { name: 'third', reason: 'no reason given' },
  ]);
});
