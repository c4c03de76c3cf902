import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CompactSign, compactVerify, importJWK } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { identityPath, loadIdentity } from './identity.ts';

let stateDir: string;

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'picket-identity-'));
});

afterEach(() => rm(stateDir, { recursive: true, force: true }));

describe('the identity of a host', () => {
  it('is made once and stays', async () => {
    const first = await loadIdentity(stateDir);
    const second = await loadIdentity(stateDir);
    expect(first.thumbprint).toMatch(/^[\w-]{43}$/);
    expect(second.thumbprint).toBe(first.thumbprint);
    expect(await readdir(stateDir)).toEqual(['identity.jwk']);
  });

  it('is readable by nobody else', async () => {
    await loadIdentity(join(stateDir, 'deep', 'state'));
    expect((await stat(identityPath(join(stateDir, 'deep', 'state')))).mode & 0o777).toBe(0o600);
    expect((await stat(join(stateDir, 'deep', 'state'))).mode & 0o777).toBe(0o700);
  });

  it('signs what its public half verifies', async () => {
    const { privateKey, publicJwk } = await loadIdentity(stateDir);
    const jws = await new CompactSign(new Uint8Array([1]))
      .setProtectedHeader({ alg: 'Ed25519' })
      .sign(privateKey);
    await expect(compactVerify(jws, await importJWK(publicJwk, 'Ed25519'))).resolves.toBeDefined();
    expect(publicJwk).not.toHaveProperty('d');
  });

  it('is one, however many start at once', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => loadIdentity(stateDir)));
    expect(new Set(all.map((identity) => identity.thumbprint)).size).toBe(1);
  });

  it('is refused when others can read it', async () => {
    await loadIdentity(stateDir);
    await chmod(identityPath(stateDir), 0o640);
    await expect(loadIdentity(stateDir)).rejects.toMatchObject({
      code: 'ERR_IDENTITY_EXPOSED',
      message: expect.stringContaining('mode 0640'),
    });
  });

  it.each(['', '{', '{"kty":"OKP","crv":"Ed25519","x":"a","d":"b"}', '[]'])(
    'is refused when its file holds %j',
    async (text) => {
      await writeFile(identityPath(stateDir), text, { mode: 0o600 });
      await expect(loadIdentity(stateDir)).rejects.toMatchObject({ code: 'ERR_IDENTITY_DAMAGED' });
    },
  );
});
