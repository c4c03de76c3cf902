import { describe, expect, it } from 'vitest';
import type { Asked } from '../control/client.ts';
import type { Status } from '../control/messages.ts';
import { agentCheck } from './running-agent.ts';

const WELL: Status = {
  ...{
    version: '1',
    pid: 77,
    startedAtMs: 0,
    nowMs: 60_000,
    engine: 'kernel',
    firewall: 'nftables',
    enforces: true,
  },
  stance: { mode: 'enforce' },
  figures: {
    sources: 0,
    sourcesForgotten: 0,
    probesLost: 0,
    localBlocks: 0,
    sharedBlocks: 0,
    sharedLifted: 0,
    packetsDropped: 0,
    isLimiting: false,
    allowances: [],
  },
  uplink: { isEnrolled: true, clockOffsetMs: 0, listVersion: 1, listEntries: 0, listRefused: {} },
};

const check = (asked: Asked<Status>, wasSetUp = true) => agentCheck({ asked, version: '1', wasSetUp })();
const running = (more: Partial<Status> = {}) => check({ ok: true, value: { ...WELL, ...more } });
const wrongs = async (found: ReturnType<typeof check>) =>
  (await found).filter(({ grade }) => grade === 'wrong').map(({ what }) => what);

describe('the check of the agent', () => {
  it('finds one that runs good, and tells of its engine and firewall', async () => {
    expect(await running()).toMatchObject([
      { grade: 'ok', what: expect.stringContaining('engine kernel, firewall nftables') },
    ]);
  });

  it('finds none wrong where one was set up, and else a note', async () => {
    const none = { ok: false, kind: 'none', why: 'no agent runs here' } as const;
    expect(await wrongs(check(none))).toHaveLength(1);
    expect(await check(none, false)).toMatchObject([{ grade: 'note' }]);
  });

  it('finds one that does not answer wrong, and one that this user may not ask a note', async () => {
    expect(await wrongs(check({ ok: false, kind: 'failed', why: 'hangs' }))).toEqual(['hangs']);
    expect(await check({ ok: false, kind: 'denied', why: 'run this as root' })).toMatchObject([
      { grade: 'note' },
    ]);
  });

  it('notes another version, a pause, and lost probes', async () => {
    const found = await running({
      ...{ version: '0', stance: { mode: 'paused', by: 'alice' } as Status['stance'] },
      figures: { ...WELL.figures, probesLost: 3 },
    });
    expect(found.map(({ grade }) => grade)).toEqual(['ok', 'note', 'note', 'note']);
  });

  it('finds a silent collector and a failing disk wrong', async () => {
    const spool = { batches: 1, bytes: 1, lost: 0, isDiskFailing: true };
    const uplink = {
      ...WELL.uplink,
      pushFault: 'connection refused',
      pullFault: 'connection refused',
      spool,
    };
    expect(await wrongs(running({ uplink }))).toEqual([
      'the agent cannot talk to its collector: connection refused',
      'the disk does not take what waits for the collector',
    ]);
  });
});
