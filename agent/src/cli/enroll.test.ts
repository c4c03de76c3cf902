import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { policySchema } from '../policy/policy.ts';
import { FakeCollector } from '../uplink/fake-collector.ts';
import { enrollCommand } from './enroll.ts';

it('says after an enrolment that a running agent takes it after a restart', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'picket-enroll-'));
  const fake = await FakeCollector.start();
  const said: string[] = [];
  const stdout = vi.spyOn(process.stdout, 'write').mockImplementation((text) => said.push(String(text)) > 0);
  try {
    const keyFile = join(folder, 'key');
    await writeFile(keyFile, fake.joinKey);
    const policy = policySchema.parse({ state_dir: join(folder, 'state') });
    expect(await enrollCommand(policy, keyFile)).toBe(0);
  } finally {
    stdout.mockRestore();
    await fake.stop();
    await rm(folder, { recursive: true });
  }
  expect(said.join('')).toContain('after a restart of its service');
});
