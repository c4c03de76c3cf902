import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { v7 as uuid7 } from 'uuid';
import { expect, it, vi } from 'vitest';
import { policySchema } from '../policy/policy.ts';
import { loadEnrolment } from '../uplink/enrolment.ts';
import { FakeCollector } from '../uplink/fake-collector.ts';
import { loadIdentity } from '../uplink/identity.ts';
import { enrollCommand } from './enroll.ts';

it('is the same host again, and a new one when asked for, and says what becomes of the old one', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'picket-enroll-'));
  const fake = await FakeCollector.start();
  const said: string[] = [];
  const stdout = vi.spyOn(process.stdout, 'write').mockImplementation((text) => said.push(String(text)) > 0);
  try {
    const keyFile = join(folder, 'key');
    await writeFile(keyFile, fake.joinKey);
    const policy = policySchema.parse({ state_dir: join(folder, 'state') });
    expect(await enrollCommand(policy, { joinKeyFile: keyFile, newIdentity: false })).toBe(0);
    const first = await loadIdentity(policy.state_dir);
    expect(await enrollCommand(policy, { joinKeyFile: keyFile, newIdentity: false })).toBe(0);
    expect((await loadIdentity(policy.state_dir)).thumbprint).toBe(first.thumbprint);
    Object.assign(fake, { hostId: uuid7() });
    expect(await enrollCommand(policy, { joinKeyFile: keyFile, newIdentity: true })).toBe(0);
    const second = await loadIdentity(policy.state_dir);
    expect(second.thumbprint).not.toBe(first.thumbprint);
    expect(await loadEnrolment(policy.state_dir)).toMatchObject({
      hostKey: second.thumbprint,
      hostId: fake.hostId,
    });
    expect((await readdir(policy.state_dir)).sort()).toEqual(['enrolment.json', 'identity.jwk']);
  } finally {
    stdout.mockRestore();
    await fake.stop();
    await rm(folder, { recursive: true });
  }
  expect(said[0]).toContain('after a restart of its service');
  expect(said[1]).not.toContain('new host');
  expect(said[2]).toMatch(/It is a new host there\. Blocks in force stay\. What host \S+ has in the spool/);
});
