import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Outcome, RunError, type Runner } from '../run/runner.ts';
import { transcribe, withoutSecrets } from './transcript.ts';

const says =
  (outcome: Partial<Outcome>): Runner =>
  async () => ({ status: 0, stdout: '', stderr: '', ...outcome });

describe('a transcript', () => {
  it('has each command with what it said and how it ended', async () => {
    const { run, lines } = transcribe(says({ status: 1, stdout: 'out\n', stderr: 'Error: no\n' }));
    await run({ argv: ['nft', '-f', '-'], stdin: 'add table' });
    expect(lines()).toEqual([
      '$ nft -f -   (reads 9 characters)',
      '  out',
      '  Error: no',
      '  exit status 1',
      '',
    ]);
  });

  it('has a command that is not there, and lets its error through', async () => {
    const error = new RunError('not_started', 'pfctl: cannot be started (ENOENT)');
    const { run, lines } = transcribe(() => Promise.reject(error));
    await expect(run({ argv: ['pfctl'] })).rejects.toBe(error);
    expect(lines()).toEqual(['$ pfctl', '  pfctl: cannot be started (ENOENT)', '']);
  });

  it('cuts long outputs and long lines, and counts what it leaves out', async () => {
    const { run, lines } = transcribe(says({ stdout: `${'x'.repeat(9_999)}\n`.repeat(100) }));
    await run({ argv: ['nft'] });
    expect(lines()).toHaveLength(1 + 40 + 1 + 1);
    expect(lines().at(-2)).toBe('  … and 60 more lines');
    expect(Math.max(...lines().map((line) => line.length))).toBeLessThan(310);
  });

  it.each([
    ['a join key', 'key picket1.abc_DEF-123.xyz here', 'key [join key] here'],
    ['a private key', '{"kty":"OKP","d":"s3cr3t","x":"open"}', '{"kty":"OKP","d":"[secret]","x":"open"}'],
    ['a signed token', 'POST eyJhbGciOi.eyJpc3Mi.c2ln', 'POST [token]'],
    ['a password in a URL', 'smtp://me:pw@mail.example.org', 'smtp://me:[secret]@mail.example.org'],
    ['what is called a password', 'password = hunter2', 'password = [secret]'],
    ['an authorization', 'Authorization: Bearer abc', 'Authorization: [secret]'],
  ])('leaves out %s', (_, text, clean) => {
    expect(withoutSecrets(text)).toBe(clean);
  });

  it('never has a secret, wherever a program prints it', async () => {
    const secret = fc.stringMatching(/^[A-Za-z0-9_-]{20,40}$/);
    const around = fc.stringMatching(/^[ a-z:;,.(){}\n]{0,20}$/);
    await fc.assert(
      fc.asyncProperty(secret, around, around, async (hidden, before, after) => {
        const shapes = [
          `picket1.${hidden}`,
          `"d": "${hidden}"`,
          `eyJ${hidden}.${hidden}.${hidden}`,
          `https://u:${hidden}@h`,
        ];
        const { run, read, lines } = transcribe(
          says({ stdout: shapes.map((s) => `${before} ${s} ${after}`).join('\n') }),
        );
        await run({ argv: ['cat'] });
        read('/x', shapes.join('\n'));
        expect(lines().join('\n')).not.toContain(hidden);
      }),
    );
  });
});
