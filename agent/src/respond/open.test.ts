import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { Report } from '../agent-port.ts';
import type { BookedBlock } from '../blocks/book.ts';
import { parsePolicy } from '../policy/load.ts';
import { SILENT_LOG } from '../report/log.ts';
import type { CommandRun } from './command.ts';
import { ledgerPath } from './ledger.ts';
import { openResponder, withResponder } from './open.ts';
import { NO_RESPONDER } from './responder.ts';

const root = mkdtempSync(join(tmpdir(), 'picket-respond-'));
afterAll(() => rmSync(root, { recursive: true }));

const opened = (toml: string, ran: (run: CommandRun) => void = () => {}) =>
  openResponder({
    policy: parsePolicy(`state_dir = "${root}"\n${toml}`, 'picket.toml'),
    ...{ engine: 'connect', enforces: () => true, ran, log: SILENT_LOG },
  });

const BLOCK: BookedBlock = {
  ...{
    source: '198.51.100.7',
    untilMs: Date.parse('2026-11-24T13:00:00Z'),
    tier: 'held',
    decidedBy: 'agent',
  },
  ...{ atMs: 0, droppedPackets: 0 },
};

const COMMAND = '[command]\nargv = ["/x"]\n';

it.each(['', COMMAND, `${COMMAND}[block]\nfirewall = "log-only"\nalso = ["command"]`])(
  'does nothing for the policy %j',
  (toml) => {
    expect(opened(toml)).toBe(NO_RESPONDER);
  },
);

it('runs the command and its counterpart as blocks and their ends are told', async () => {
  const file = join(root, 'told');
  const [ran, told]: [CommandRun[], string[]] = [[], []];
  const responder = opened(
    [
      '[block]\nalso = ["command"]\n[command]\nshell = true',
      `argv = ["echo + {address} {port} {mode} >> ${file}"]`,
      `unblock_argv = ["echo - {address} {port} {mode} >> ${file}"]`,
    ].join('\n'),
    (run) => ran.push(run),
  );
  const report = withResponder(
    { blocked: () => told.push('blocked'), ended: () => told.push('ended') } as unknown as Report,
    responder,
  );
  await responder.open(new Set());
  report.blocked(BLOCK, {
    ...{ atMs: 0, address: '198.51.100.7', localAddress: '192.0.2.1', transport: 'udp', port: 161 },
    ...{ technique: 'udp', evidence: 'forgeable' },
  });
  await expect.poll(() => ran.length, { timeout: 5_000 }).toBe(1);
  expect(readFileSync(ledgerPath(root), 'utf8')).toContain('198.51.100.7');
  report.ended(BLOCK, 'its time is over');
  await responder.close();
  expect(readFileSync(file, 'utf8')).toBe('+ 198.51.100.7 161 udp\n- 198.51.100.7 161 udp\n');
  expect(readFileSync(ledgerPath(root), 'utf8')).toBe('[]');
  expect(told).toEqual(['blocked', 'ended']);
});
