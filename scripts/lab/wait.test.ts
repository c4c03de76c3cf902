import { expect, test } from 'vitest';
import { waitFor } from './wait.ts';

test('waiting gives the first truthy value of the condition', async () => {
  const values = [undefined, '', 'here'];
  expect(await waitFor('a value', () => values.shift(), 5_000)).toBe('here');
});

test('waiting past the deadline throws and says what for', async () => {
  await expect(waitFor('the impossible', () => false, 1)).rejects.toMatchObject({
    code: 'DEADLINE',
    message: 'waited 1 ms for the impossible',
  });
});

test('an error of the condition ends the wait', async () => {
  const broken = () => Promise.reject(new Error('broken'));
  await expect(waitFor('anything', broken, 5_000)).rejects.toThrow('broken');
});
