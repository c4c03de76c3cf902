import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { verifyingKey } from './collector-key.ts';
import { readSignedReply } from './signed-reply.ts';

const { privateKey, publicKey } = await generateKeyPair('Ed25519', { extractable: true });
const key = await verifyingKey((await exportJWK(publicKey)) as Parameters<typeof verifyingKey>[0]);

const schema = z.object({ name: z.string(), add: z.array(z.int()).max(5_000) });
const read = async (claims: object) => {
  const jws = await new SignJWT({ ...claims })
    .setProtectedHeader({ alg: 'Ed25519', typ: 'test+jwt' })
    .sign(privateKey);
  const long = { field: 'add', member: z.int(), most: 5_000 } as const;
  return readSignedReply(jws, { key, typ: 'test+jwt', schema, long });
};
const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);

test('a long array is read in slices, whole and in order, and other work goes on between them', async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  const reply = await read({ name: 'a', add: numbers(5_000) });
  clearInterval(timer);
  expect(reply).toEqual({ ok: true, claims: { name: 'a', add: numbers(5_000) } });
  expect(turns).toBeGreaterThan(0);
});

test('what is wrong in it is named, wherever it is', async () => {
  for (const [claims, reason] of [
    [{ name: 'a', add: [...numbers(3_000), 'x'] }, /add\.3000: /],
    [{ name: 1, add: numbers(3_000) }, /name: /],
    [{ name: 'a', add: numbers(5_001) }, /add: Too big/],
    [{ name: 'a', add: 7 }, /add: /],
    [{ name: 'a' }, /add: /],
  ] as const)
    expect(await read(claims)).toEqual({ ok: false, isSigned: true, reason: expect.stringMatching(reason) });
});
