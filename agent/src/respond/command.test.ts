import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Probe } from '../detect/probe.ts';
import type { LocalBlock } from '../firewall/firewall.ts';
import { parsePolicy } from '../policy/load.ts';
import { createLog } from '../report/log.ts';
import { type Command, createRunner, type Outcome, type Runner } from '../run/runner.ts';
import { type CommandDeps, type CommandRun, createCommandResponder, MOST_OUTPUT } from './command.ts';

const root = mkdtempSync(join(tmpdir(), 'picket-command-'));
afterAll(() => rmSync(root, { recursive: true }));

const OK: Outcome = { status: 0, stdout: '', stderr: '' };
const UNTIL = Date.parse('2026-11-24T13:00:00Z');

const block = (source: string, more: Partial<LocalBlock> = {}): LocalBlock => ({
  ...{ source, untilMs: UNTIL, tier: 'held', decidedBy: 'agent' },
  ...more,
});
const probe = (address: string): Probe => ({
  ...{ atMs: 1, address, localAddress: '192.0.2.1', transport: 'tcp', port: 23, technique: 'syn' },
  evidence: 'forgeable',
});

const TOLD = '["/x", "{address}", "{source}", "{port}", "{transport}", "{technique}", "{mode}", "{until}"]';

/** A responder over a runner that remembers what it was given. */
function setUp(toml: string, more: Partial<CommandDeps> = {}) {
  const started: string[] = [];
  const said: string[] = [];
  const ran: CommandRun[] = [];
  const file: { text?: string } = {};
  const run: Runner = async ({ argv }: Command) => {
    started.push(argv.join(' '));
    return OK;
  };
  const responder = createCommandResponder({
    settings: parsePolicy(`[command]\n${toml}`, 'picket.toml').command,
    ...{ binds: false, enforces: () => true, run, ran: (run) => ran.push(run) },
    load: async () => file.text,
    save: async (text) => {
      file.text = text;
    },
    log: createLog({ level: 'debug', json: false, write: (line) => said.push(line), nowMs: () => 0 }),
    ...more,
  });
  return { responder, started, said, ran, file };
}

/** One whose commands end only when they are let go. */
function setUpHanging(toml: string, more: Partial<CommandDeps> = {}) {
  const hanging: ((outcome: Outcome) => void)[] = [];
  const started: string[] = [];
  const run: Runner = ({ argv }) => {
    started.push(argv.join(' '));
    return new Promise((resolve) => hanging.push(resolve));
  };
  return { ...setUp(toml, { run, ...more }), started, hanging, letGo: () => hanging.shift()?.(OK) };
}

describe('a command of the administrator', () => {
  it('is told all of the block, by default when it is in force', async () => {
    const { responder, started, ran } = setUp(`argv = ${TOLD}`);
    expect(responder.before(block('2001:db8:66::/64'), probe('2001:db8:66::7'))).toBeUndefined();
    responder.after(block('2001:db8:66::/64'), probe('2001:db8:66::7'));
    await responder.close();
    expect(started).toEqual(['/x 2001:db8:66::7 2001:db8:66::/64 23 tcp syn atcp 2026-11-24T13:00:00Z']);
    expect(ran).toEqual([{ source: '2001:db8:66::/64', address: '2001:db8:66::7', command: started[0] }]);
  });

  it('is told the words of the classic mode by an engine that binds, and of a probe that nobody saw only the source', async () => {
    const { responder, started } = setUp(`argv = ${TOLD}`, { binds: true });
    responder.after(block('198.51.100.7'), probe('198.51.100.7'));
    responder.after(block('2001:db8:66::/64'), undefined);
    await responder.close();
    expect(started).toEqual([
      '/x 198.51.100.7 198.51.100.7 23 tcp syn tcp 2026-11-24T13:00:00Z',
      '/x 2001:db8:66:: 2001:db8:66::/64 0 unknown unknown unknown 2026-11-24T13:00:00Z',
    ]);
  });

  it('holds the block up until it ended when it is to run before', async () => {
    const { responder, started, letGo } = setUpHanging('argv = ["/x"]\nwhen = "before"');
    let isFree = false;
    const free = responder.before(block('198.51.100.7'), probe('198.51.100.7'))?.then(() => {
      isFree = true;
    });
    await expect.poll(() => started).toEqual(['/x']);
    expect(isFree).toBe(false);
    letGo();
    await free;
    responder.after(block('198.51.100.7'), probe('198.51.100.7'));
    await responder.close();
    expect(started).toEqual(['/x']);
  });

  it('holds no block up for longer than its time, and none that the kernel decided', async () => {
    const { responder, letGo } = setUpHanging('argv = ["/x"]\nwhen = "before"\ntime_limit = "1s"');
    expect(
      responder.before(block('198.51.100.8', { decidedBy: 'kernel' }), probe('198.51.100.8')),
    ).toBeUndefined();
    await responder.before(block('198.51.100.7'), probe('198.51.100.7'));
    letGo();
    letGo();
    await responder.close();
  });

  it('runs once for a block, also when the agent started anew', async () => {
    const first = setUp('argv = ["/x", "{address}"]');
    first.responder.after(block('198.51.100.7'), probe('198.51.100.7'));
    first.responder.after(block('198.51.100.7'), probe('198.51.100.7'));
    await first.responder.close();
    const second = setUp('argv = ["/x", "{address}"]', { load: async () => first.file.text });
    await second.responder.open(new Set(['198.51.100.7']));
    second.responder.after(block('198.51.100.7'), undefined);
    await second.responder.close();
    expect([first.started, second.started]).toEqual([['/x 198.51.100.7'], []]);
  });

  it('is written down before it starts', async () => {
    const seen: (string | undefined)[] = [];
    const { responder, file } = setUp('argv = ["/x"]', {
      run: async () => {
        seen.push(file.text);
        return OK;
      },
    });
    responder.after(block('198.51.100.7'), probe('198.51.100.7'));
    await responder.close();
    expect(seen).toEqual([expect.stringContaining('"198.51.100.7"')]);
  });

  it('does not run while nothing is carried out, and neither does the one for the end', async () => {
    const { responder, started } = setUp('argv = ["/x"]\nunblock_argv = ["/y"]', { enforces: () => false });
    responder.after(block('198.51.100.7'), probe('198.51.100.7'));
    responder.ended('198.51.100.7');
    await responder.close();
    expect(started).toEqual([]);
  });

  it('is followed by the one for the end, with the same words and never beside it', async () => {
    const { responder, started, letGo } = setUpHanging(
      'argv = ["/x", "{port}"]\nunblock_argv = ["/y", "{port}"]',
    );
    responder.after(block('198.51.100.7'), probe('198.51.100.7'));
    await expect.poll(() => started).toEqual(['/x 23']);
    responder.ended('198.51.100.7');
    responder.after(block('198.51.100.7'), probe('198.51.100.7'));
    letGo();
    await expect.poll(() => started).toEqual(['/x 23', '/y 23']);
    letGo();
    await expect.poll(() => started).toEqual(['/x 23', '/y 23', '/x 23']);
    letGo();
    await responder.close();
  });

  it('is undone when its block ended while no agent ran', async () => {
    const before = setUp('argv = ["/x"]');
    before.responder.after(block('198.51.100.7'), probe('198.51.100.7'));
    before.responder.after(block('198.51.100.8'), probe('198.51.100.8'));
    await before.responder.close();
    const { responder, started, file } = setUp('argv = ["/x"]\nunblock_argv = ["/y", "{address}"]', {
      load: async () => before.file.text,
    });
    await responder.open(new Set(['198.51.100.8']));
    await responder.close();
    expect(started).toEqual(['/y 198.51.100.7']);
    expect(file.text).not.toContain('198.51.100.7"');
  });

  it('never runs for more than a few at once, and what finds no room is told in one line', async () => {
    const { responder, started, said, letGo } = setUpHanging('argv = ["/x", "{address}"]', {
      limits: { atOnce: 2, waiting: 3 },
    });
    const addresses = Array.from({ length: 50 }, (_, i) => `198.51.100.${i}`);
    for (const address of addresses) responder.after(block(address), probe(address));
    await expect.poll(() => started.length).toBe(2);
    for (let i = 1; i <= 5; i++) {
      await expect.poll(() => started.length).toBe(Math.min(i + 1, 5));
      letGo();
    }
    await responder.close();
    expect(started).toEqual(addresses.slice(0, 5).map((address) => `/x ${address}`));
    expect(said).toEqual([expect.stringContaining('commands were left out')]);
  });

  it('does not run when its block ended before its turn came', async () => {
    const { responder, started, letGo } = setUpHanging('argv = ["/x", "{address}"]', {
      limits: { atOnce: 1, waiting: 3 },
    });
    responder.after(block('198.51.100.7'), probe('198.51.100.7'));
    responder.after(block('198.51.100.8'), probe('198.51.100.8'));
    responder.ended('198.51.100.8');
    await expect.poll(() => started.length).toBe(1);
    letGo();
    await responder.close();
    expect(started).toEqual(['/x 198.51.100.7']);
  });

  it('leaves out a file of what has run that is damaged, and says so', async () => {
    const { responder, said } = setUp('argv = ["/x"]', { load: async () => '[["x", {}]]' });
    await responder.open(new Set());
    expect(said).toEqual([expect.stringContaining('damaged')]);
  });
});

describe('a command on a real system', () => {
  const run = (limitMs = 5_000) => createRunner({ limitMs, mostOutput: MOST_OUTPUT, wholeGroup: true });

  it('gets its arguments as they are, without a shell', async () => {
    const { responder, said } = setUp(
      `argv = ["sh", "-c", 'echo "$1" >&2; exit 3', "$(id)", "; {address}"]`,
      { run: run() },
    );
    responder.after(block('198.51.100.7'), probe('198.51.100.7'));
    await responder.close();
    expect(said).toEqual([expect.stringMatching(/failed.*exit status 3.*; 198\.51\.100\.7/)]);
  });

  it('is read by a shell when the policy says so', async () => {
    const file = join(root, 'shell');
    const { responder, ran } = setUp(
      `argv = ["echo {address} {technique} | tr a-z A-Z > ${file} && true"]\nshell = true`,
      { run: run() },
    );
    responder.after(block('2001:db8:66::/64'), probe('2001:db8:66::7'));
    await responder.close();
    expect(readFileSync(file, 'utf8')).toBe('2001:DB8:66::7 SYN\n');
    expect(ran).toHaveLength(1);
  });

  it('is ended with all that it started when its time is over', async () => {
    const file = join(root, 'pids');
    const { responder, said } = setUp(`argv = ["sleep 60 & echo $! $$ > ${file}; wait"]\nshell = true`, {
      run: run(1_000),
    });
    responder.after(block('198.51.100.7'), probe('198.51.100.7'));
    await responder.close();
    const pids = readFileSync(file, 'utf8').trim().split(' ').map(Number);
    expect(pids).toHaveLength(2);
    await expect.poll(() => pids.filter(isAlive), { timeout: 5_000 }).toEqual([]);
    expect(said).toEqual([expect.stringContaining('no end after 1 s')]);
  });

  it('that cannot be started, or says more than anybody reads, is told in a line', async () => {
    const { responder, said } = setUp('argv = ["/no/such/program"]', { run: run() });
    responder.after(block('198.51.100.7'), probe('198.51.100.7'));
    await responder.close();
    const loud = setUp(`argv = ["yes {address} | head -c 3000000; exit 1"]\nshell = true`, { run: run() });
    loud.responder.after(block('198.51.100.7'), probe('198.51.100.7'));
    await loud.responder.close();
    expect(said).toEqual([expect.stringContaining('/no/such/program: cannot be started')]);
    expect(loud.said).toEqual([expect.stringContaining('exit status 1')]);
    expect(loud.said[0]?.length).toBeLessThan(2 * MOST_OUTPUT);
  });
});

/** Whether a process runs; one that nobody has waited for yet does not. */
function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
