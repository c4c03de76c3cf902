import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { bookPath, formatBook } from '../blocks/book.ts';
import { policySchema } from '../policy/policy.ts';
import { historyPath, openHistory } from '../report/history.ts';
import { SILENT_LOG } from '../report/log.ts';
import { explainCommand } from './explain.ts';
import { statusCommand } from './status.ts';

let folder: string;
let said: string;
const listen = (stream: NodeJS.WriteStream) =>
  vi.spyOn(stream, 'write').mockImplementation((text) => {
    said += String(text);
    return true;
  });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'picket-explain-'));
  said = '';
});
afterEach(() => rm(folder, { recursive: true }));

/** Runs a command with what it writes kept. */
async function hear(command: (policy: ReturnType<typeof policySchema.parse>) => Promise<number>) {
  const spies = [listen(process.stdout), listen(process.stderr)];
  try {
    return await command(policySchema.parse({ state_dir: folder }));
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

describe('without an agent', () => {
  it('explain tells what the book and the history say', async () => {
    const untilMs = Date.now() + 3_600_000;
    const times = { atMs: untilMs - 7_200_000, untilMs, droppedPackets: 3 };
    const block = { source: '2001:db8:7::/64', tier: 'held' as const, decidedBy: 'agent' as const, ...times };
    await writeFile(bookPath(folder), formatBook(new Map([[block.source, block]])));
    const history = await openHistory({ path: historyPath(folder), log: SILENT_LOG });
    history.add({ atMs: times.atMs, event: 'block', source: block.source, untilMs, enforced: true });
    await history.flush();
    expect(await hear((policy) => explainCommand(policy, '2001:db8:7::1', false))).toBe(0);
    expect(said).toMatch(/^2001:db8:7::1: blocked by this host until /);
    expect(said).toMatch(/^agent +does not run/m);
    expect(said).toMatch(/^counts as +2001:db8:7::\/64$/m);
    expect(said).toMatch(/^history +\S+ \S+ 2001:db8:7::\/64 blocked until /m);
  });

  it('explain refuses what is no address', async () => {
    expect(await hear((policy) => explainCommand(policy, 'example.org', false))).toBe(1);
    expect(said).toBe('picket-agent: "example.org" is no address\n');
  });

  it('status says that none runs', async () => {
    expect(await hear((policy) => statusCommand(policy, { json: false, watch: false }))).toBe(1);
    expect(said).toContain('no agent runs here');
  });
});
