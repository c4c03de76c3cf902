import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { Command } from '../run/runner.ts';
import { eventReport, type HostEvent } from './events.ts';
import { SILENT_LOG } from './log.ts';
import { eventCommand, openEventWriter } from './structured.ts';

const PROBE: HostEvent = {
  ...{ atMs: 1_795_000_000_000, event: 'probe', source: '2001:db8::/64', address: '2001:db8::7' },
  ...{ localAddress: '2001:db8:1::1', transport: 'tcp', port: 23, technique: 'syn', evidence: 'forgeable' },
};

describe('a structured line', () => {
  it('is a message of RFC 5424 with structured data, and JSON', () => {
    const { argv } = eventCommand('rfc5424', PROBE, 123);
    expect(argv.slice(0, -2).join(' ')).toBe(
      'logger --rfc5424 --size 2048 --id=123 -t picket -p daemon.notice --msgid probe --sd-id picket@32473 ' +
        '--sd-param event="probe" --sd-param source="2001:db8::/64"',
    );
    expect(JSON.parse(argv.at(-1) ?? '')).toEqual(PROBE);
  });

  it('is an entry of the journal with fields of its own', () => {
    const { argv, stdin = '' } = eventCommand('journald', PROBE, 123);
    expect(argv).toEqual(['logger', '--journald']);
    expect(stdin.split('\n')).toEqual(
      expect.arrayContaining([
        'MESSAGE=probe of tcp/23 from 2001:db8::7 (syn)',
        'PICKET_EVENT=probe',
        'PICKET_LOCAL_ADDRESS=2001:db8:1::1',
        'PICKET_PORT=23',
        'SYSLOG_IDENTIFIER=picket',
      ]),
    );
  });

  it('is one entry, whatever its values are', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (why) => {
        const event: HostEvent = { atMs: 1, event: 'unblock', source: why, why };
        const { stdin = '' } = eventCommand('journald', event, 1);
        expect(stdin.trimEnd().split('\n')).toHaveLength(9);
        expect(JSON.parse(eventCommand('rfc5424', event, 1).argv.at(-1) ?? '')).toEqual(event);
      }),
    );
  });
});

describe('the writer of structured lines', () => {
  it('writes one after the other, and tells what it could not write once it can again', async () => {
    const seen: Command[] = [];
    let status = 1;
    const run = async (command: Command) => {
      if (status === 0) seen.push(command);
      return { status, stdout: '', stderr: 'no socket' };
    };
    const writer = openEventWriter({ form: 'rfc5424', run, pid: 1, log: SILENT_LOG });
    writer.write(PROBE);
    await writer.close();
    status = 0;
    const again = openEventWriter({ form: 'rfc5424', run, pid: 1, log: SILENT_LOG });
    again.write(PROBE);
    await again.close();
    expect(seen).toHaveLength(1);
  });

  it('holds a bounded number of events while the system log hangs', async () => {
    const run = vi.fn(() => new Promise<never>(() => {}));
    const writer = openEventWriter({ form: 'journald', run, pid: 1, log: SILENT_LOG });
    for (let i = 0; i < 5_000; i++) writer.write(PROBE);
    expect(run).toHaveBeenCalledTimes(1);
  });

  it('ends within seconds while the system log hangs', async () => {
    const run = () => new Promise<never>(() => {});
    const writer = openEventWriter({ form: 'journald', run, pid: 1, log: SILENT_LOG });
    writer.write(PROBE);
    const startedMs = performance.now();
    await writer.close();
    expect(performance.now() - startedMs).toBeLessThan(5_000);
  });
});

describe('the report of events', () => {
  it('bounds the probes of a source, and counts what it left out', () => {
    const taken: HostEvent[] = [];
    const report = eventReport({
      ...{ engine: 'kernel', firewall: 'nftables', enforces: () => true, now: () => 5 },
      take: (event) => taken.push(event),
    });
    const { address = '', localAddress = '' } = PROBE;
    for (let port = 0; port < 500; port++)
      report.probe(
        { atMs: 5, address, localAddress, port, transport: 'tcp', technique: 'syn', evidence: 'forgeable' },
        '2001:db8::/64',
      );
    report.close();
    expect(taken.length).toBeLessThan(30);
    const told = taken.filter(({ event }) => event === 'probe').length;
    expect(taken.at(-1)).toMatchObject({ event: 'lost', count: 500 - told });
  });
});
