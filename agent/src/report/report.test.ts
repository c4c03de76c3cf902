import { describe, expect, it } from 'vitest';
import type { BookedBlock } from '../blocks/book.ts';
import type { Probe } from '../detect/probe.ts';
import { policySchema } from '../policy/policy.ts';
import { SILENT_LOG } from './log.ts';
import { openReport, type ReportOptions } from './report.ts';

const PROBE: Probe = {
  ...{ atMs: 0, address: '198.51.100.7', localAddress: '192.0.2.1', transport: 'tcp', port: 23 },
  ...{ technique: 'syn', evidence: 'forgeable' },
};
const BLOCK: BookedBlock = {
  ...{ source: '198.51.100.7', tier: 'held', decidedBy: 'agent', atMs: 1000, untilMs: 61_000 },
  droppedPackets: 0,
};
const SCAN = 'attackalert: TCP SYN/Normal scan from host: 198.51.100.7/198.51.100.7 to TCP port: 23';

function record(changes: Partial<ReportOptions> = {}, toml: object = {}) {
  const lines: string[] = [];
  const report = openReport({
    policy: policySchema.parse(toml),
    ...{ engine: 'kernel', firewall: 'nftables', enforces: () => true, log: SILENT_LOG },
    sink: { write: (line) => lines.push(line), close: async () => {} },
    ...changes,
  });
  return { lines, report };
}

describe('the report', () => {
  it('starts with what is left alone, and ends with being active', async () => {
    const { lines, report } = record({}, { watch: { ignore_tcp: '113', ignore_udp: '' } });
    report.started({ mode: 'enforce' });
    expect(lines).toEqual([
      'adminalert: Advanced Stealth scan detection mode activated. Ignored TCP port: 113',
      'adminalert: PortSentry is now active and listening.',
    ]);
    await report.close();
  });

  it('of the connect engine starts with the ports it binds', async () => {
    const { lines, report } = record({ engine: 'connect' }, { connect: { tcp: '1', udp: '7' } });
    report.started({ mode: 'enforce' });
    expect(lines.slice(0, 2)).toEqual([
      'adminalert: Going into listen mode on TCP port: 1',
      'adminalert: Going into listen mode on UDP port: 7',
    ]);
    await report.close();
  });

  it('tells probe, block and end', async () => {
    const { lines, report } = record();
    report.probe(PROBE, PROBE.address);
    report.blocked(BLOCK, PROBE);
    report.probe(PROBE, PROBE.address);
    report.ended(BLOCK, 'its time is over');
    report.probe(PROBE, PROBE.address);
    expect(lines).toEqual([
      SCAN,
      'attackalert: Host 198.51.100.7 has been blocked via nftables using command: ' +
        '"nft add element inet picket held4 { 198.51.100.7 timeout 60s }"',
      SCAN,
      'attackalert: Host: 198.51.100.7/198.51.100.7 is already blocked Ignoring',
      'adminalert: Host 198.51.100.7 is no longer blocked: its time is over',
      SCAN,
    ]);
    await report.close();
  });

  it('says at the start and later that nobody is blocked, until when, and who wants it so', async () => {
    let mode: 'enforce' | 'observe' | 'paused' = 'observe';
    const { lines, report } = record(
      { enforces: () => mode === 'enforce' },
      { watch: { ignore_tcp: '', ignore_udp: '' } },
    );
    report.started({ mode, by: 'the network' });
    report.blocked(BLOCK, PROBE);
    report.ended(BLOCK, 'its time is over');
    mode = 'paused';
    report.mode({ mode, by: 'alice', untilMs: 0 });
    report.lifted('alice', { local: 2, shared: 3 });
    mode = 'enforce';
    report.mode({ mode });
    expect(lines).toEqual([
      'adminalert: PortSentry is now active and listening.',
      'adminalert: Observe mode by the network: hosts that scan are told, and none is blocked.',
      'attackalert: Ignoring TCP response per configuration file setting.',
      'adminalert: Host 198.51.100.7 would no longer be blocked: its time is over',
      'adminalert: Paused by alice until 1970-01-01T00:00:00.000Z: hosts that scan are told, and none is blocked.',
      'adminalert: All blocks lifted by alice: 2 of this host, 3 of the network.',
      'adminalert: Hosts that scan are blocked from now on.',
    ]);
    await report.close();
  });

  it('never calls blocked what is not', async () => {
    const { lines, report } = record({ firewall: 'log-only', enforces: () => false });
    report.blocked(BLOCK, PROBE);
    report.probe(PROBE, PROBE.address);
    expect(lines).toEqual(['attackalert: Ignoring TCP response per configuration file setting.', SCAN]);
    await report.close();
  });

  it('bounds the lines of one source and tells how many were left out', async () => {
    const { lines, report } = record();
    for (let port = 0; port < 1000; port++) report.probe({ ...PROBE, port }, PROBE.address);
    expect(lines.length).toBeLessThan(30);
    const written = lines.length;
    await report.close();
    expect(lines.at(-1)).toBe(`attackalert: and ${1000 - written} more from host: 198.51.100.7/198.51.100.7`);
  });
});
