import { expect } from 'vitest';

/** Asserts a refusal of RFC 8935 section 2.3: status, and JSON in a named language with the code and a description. */
export async function expectRefusal(
  reply: Response,
  status: number,
  err: string,
  description: RegExp,
): Promise<void> {
  expect(await reply.clone().json()).toEqual({ err, description: expect.stringMatching(description) });
  expect(reply.status).toBe(status);
  expect(reply.headers.get('content-type')).toBe('application/json');
  expect(reply.headers.get('content-language')).toBe('en');
}
