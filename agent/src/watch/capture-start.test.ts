import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { gateRules } from '../policy/gate.ts';
import { policySchema } from '../policy/policy.ts';
import { createCaptureEngine } from './capture.ts';
import { linuxCapture } from './capture-system.ts';

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

it('an engine that cannot learn the listeners again leaves no capture running', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'picket-capture-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const script = `require('fs').writeFileSync(process.argv[1], String(process.pid));
    console.error('listening on any'); setInterval(() => {}, 1000)`;
  let looks = 0;
  const engine = createCaptureEngine({
    system: {
      ...linuxCapture('LINUX_SLL2'),
      argv: () => [process.execPath, '-e', script, join(folder, 'pid')],
    },
    rules: (sourceOf) => gateRules(policySchema.parse({}), [32_768, 60_999], sourceOf),
    async readListeners() {
      if (++looks > 1) throw new Error('no more sockets');
      return { listeners: { tcp: new Set(), udp: new Set(), sctp: new Set() }, connections: [] };
    },
    readOnLink: async () => [],
    interfaces: () => ['any'],
    now: Date.now,
    log: () => {},
  });
  engine.setAddresses(['192.0.2.1']);
  const sink = { probe() {}, trip() {}, strong: () => [] };
  await expect(engine.start(sink)).rejects.toThrow('no more sockets');
  expect(isAlive(Number(await readFile(join(folder, 'pid'), 'utf8')))).toBe(false);
});
