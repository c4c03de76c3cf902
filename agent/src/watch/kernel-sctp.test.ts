import { expect, it } from 'vitest';
import type { Command } from '../run/runner.ts';
import { createSctpPorts } from './kernel-sctp.ts';

it('tells the kernel which SCTP ports are open, and nothing on a host that has none', async () => {
  const scripts: (string | undefined)[] = [];
  let ports = new Set<number>();
  const run = async ({ stdin }: Command) => {
    scripts.push(stdin);
    return { status: 0, stdout: '', stderr: '' };
  };
  const tell = createSctpPorts(run, async () => ports);
  await tell();
  expect(scripts).toEqual([]);
  ports = new Set([3868, 2905]);
  await tell();
  await tell();
  const script = 'flush set inet picket open_sctp\nadd element inet picket open_sctp { 2905, 3868 }\n';
  expect(scripts).toEqual([script, script]);
  ports = new Set();
  await tell();
  await tell();
  expect(scripts.slice(2)).toEqual(['flush set inet picket open_sctp\n']);
});
