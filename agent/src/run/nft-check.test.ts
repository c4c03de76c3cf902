import { expect, it } from 'vitest';
import { RULESET_POLICY } from '../firewall/contract.ts';
import { nftCheck } from './nft-check.ts';
import { type Outcome, RunError } from './runner.ts';

const judged = (answer: Outcome | Error) =>
  nftCheck(async () => {
    if (answer instanceof Error) throw answer;
    return answer;
  }, RULESET_POLICY);

it('says what to do about an nft that is not there, takes too long, or refuses the table', async () => {
  expect(await judged({ status: 0, stdout: '', stderr: '' })).toBeUndefined();
  expect(await judged(new RunError('not_started', 'nft: cannot be started'))).toContain(
    'install the package',
  );
  const slow = await judged(new RunError('timed_out', 'nft: no end after 15 s'));
  expect(slow).toContain('write them as ranges');
  expect(slow).not.toContain('install');
  const refusal = { status: 1, stdout: '', stderr: 'Error: Operation not permitted\nmore' };
  expect(await judged(refusal)).toBe('Error: Operation not permitted');
});
