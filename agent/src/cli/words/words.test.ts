import { describe, expect, it } from 'vitest';
import type { Status } from '../../control/messages.ts';
import { sourceLines } from './sources.ts';
import { statusLines } from './status.ts';
import { shortSpan, spanWords } from './time.ts';

const NOW = Date.UTC(2026, 10, 24, 8, 30);

const STATUS: Status = {
  ...{
    version: '0.1.0',
    pid: 7,
    startedAtMs: NOW - 90_000,
    nowMs: NOW,
    engine: 'kernel',
    firewall: 'nftables',
  },
  enforces: false,
  stance: { mode: 'paused', untilMs: NOW + 3_600_000, by: 'alice' },
  listeners: [
    { transport: 'tcp', port: 443 },
    { transport: 'tcp', port: 22 },
    { transport: 'udp', port: 53 },
  ],
  figures: {
    ...{ sources: 3, sourcesForgotten: 1, probesLost: 2, localBlocks: 1, sharedBlocks: 4, sharedLifted: 2 },
    ...{ isLimiting: true, allowances: [{ network: '192.0.2.0/24', untilMs: NOW + 60_000, by: 'alice' }] },
    packetsDropped: 99,
  },
  uplink: {
    ...{ isEnrolled: true, network: 'prod', collector: 'https://picket.example', lastContactMs: NOW - 4_000 },
    ...{ pushFault: 'away\u001b[2J', pullFault: undefined, clockOffsetMs: 60_000 },
    ...{ listVersion: 7, listEntries: 4, listRefused: { gateway: 1 } },
    spool: { batches: 2, bytes: 900, lost: 0, isDiskFailing: false },
  },
};

describe('words for people', () => {
  it('say how the agent is, and nothing that steers a terminal', () => {
    expect(statusLines(STATUS)).toEqual([
      'agent:     0.1.0, process 7, up 1 m 30 s',
      'engine:    kernel',
      'firewall:  nftables (refuses nothing now)',
      'mode:      paused by alice until 2026-11-24 09:30:00Z (1 h left): nothing is blocked',
      'listeners: tcp 22 443; udp 53',
      'sources:   3 tracked, 1 forgotten for want of room',
      'blocks:    1 local, 4 of the network, 2 of the network lifted here until their end',
      'limit:     too many new sources to be true: forgeable evidence blocks nobody for now',
      'allowed:   192.0.2.0/24 until 2026-11-24 08:31:00Z, by alice',
      'dropped:   99 packets by the local blocks that run',
      'lost:      2 probes',
      'network:   "prod" at https://picket.example',
      'contact:   2026-11-24 08:29:56Z (4 s ago); away\\x1b[2J',
      'list:      version 7, 4 entries, refused: 1 gateway',
      'clock:     behind the collector by 1 m',
      'spool:     2 batches wait, 900 bytes on disk, 0 lost',
    ]);
  });

  it('fit the live view to the width of the terminal', () => {
    const seen = {
      ...{
        address: '198.51.100.7',
        localAddress: '192.0.2.1',
        firstAtMs: NOW - 9_000,
        lastAtMs: NOW - 3_000,
      },
      ...{ techniques: { syn: 3, udp: 1 }, contacts: 4, evidence: 'forgeable' as const },
      ports: { tcp: [[21, 23]] as [number, number][], udp: [[161, 161]] as [number, number][] },
    };
    const block = {
      atMs: NOW,
      untilMs: NOW + 3_540_000,
      tier: 'held' as const,
      decidedBy: 'kernel',
      packets: 12,
    };
    const lines = sourceLines([{ source: '198.51.100.7', seen, block }], NOW, 80);
    expect(lines[0]).toMatch(/^SOURCE +SEEN +BLOCK +REFUSED +TECHNIQUES +PORTS$/);
    expect(lines[1]).toMatch(/^198\.51\.100\.7 +3s +59m +12 +syn,udp +tcp 21-23/);
    for (const line of sourceLines([{ source: '198.51.100.7', seen, block }], NOW, 40))
      expect(line.length).toBeLessThanOrEqual(40);
  });

  it.each([
    [0, '0 s', '0s'],
    [59_999, '59 s', '59s'],
    [3_600_000, '1 h', '1h'],
    [90_061_000, '1 d 1 h', '1d'],
  ])('say %i ms as %s', (ms, long, short) => {
    expect([spanWords(ms), shortSpan(ms)]).toEqual([long, short]);
  });
});
