import { expect, it } from 'vitest';
import type { Command } from '../run/runner.ts';
import { createOpenPorts, type OpenPort } from './kernel-open.ts';

it('tells the kernel which ports are open without a socket, and nothing on a host that has none', async () => {
  const scripts: (string | undefined)[] = [];
  let ports: OpenPort[] = [];
  const run = async ({ stdin }: Command) => {
    scripts.push(stdin);
    return { status: 0, stdout: '', stderr: '' };
  };
  const tell = createOpenPorts(run, async () => ports);
  await tell();
  expect(scripts).toEqual([]);
  ports = [
    { transport: 'tcp', port: 443 },
    { transport: 'sctp', port: 2905 },
  ];
  await tell();
  await tell();
  const script =
    'flush set inet picket open_more\nadd element inet picket open_more { sctp . 2905, tcp . 443 }\n';
  expect(scripts).toEqual([script, script]);
  ports = [];
  await tell();
  await tell();
  expect(scripts.slice(2)).toEqual(['flush set inet picket open_more\n']);
});
