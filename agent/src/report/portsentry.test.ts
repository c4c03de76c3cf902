import { TECHNIQUES } from '@picket/protocol';
import { describe, expect, it } from 'vitest';
import {
  alreadyBlockedLine,
  blockedLine,
  commandRunLine,
  connectStartLines,
  type ScanFacts,
  scanLine,
  stealthStartLines,
} from './portsentry.ts';

/** Patterns by which log readers know PortSentry: logcheck's violations.d/portsentry, fail2ban's portsentry filter. */
const SCAN = /^attackalert: .+ from host: \S+\/(\S+) to (TCP|UDP) port: \d+$/;
const BLOCKED = /^attackalert: Host ([^ ]+) has been blocked via .+ using command: ".*"$/;

const probe: ScanFacts = { technique: 'syn', transport: 'tcp', address: '198.51.100.7', port: 23 };

describe('PortSentry’s lines', () => {
  it('tell that the command of the administrator ran', () => {
    expect(commandRunLine('198.51.100.7', '/opt/page 198.51.100.7 23')).toBe(
      'attackalert: External command run for host: 198.51.100.7 using command: "/opt/page 198.51.100.7 23"',
    );
  });

  it.each<[Partial<ScanFacts>, string]>([
    [{}, 'attackalert: TCP SYN/Normal scan from host: 198.51.100.7/198.51.100.7 to TCP port: 23'],
    [{ technique: 'fin' }, 'attackalert: TCP FIN scan from host: 198.51.100.7/198.51.100.7 to TCP port: 23'],
    [
      { technique: 'null' },
      'attackalert: TCP NULL scan from host: 198.51.100.7/198.51.100.7 to TCP port: 23',
    ],
    [
      { technique: 'xmas' },
      'attackalert: TCP XMAS scan from host: 198.51.100.7/198.51.100.7 to TCP port: 23',
    ],
    [{ technique: 'connect' }, 'attackalert: Connect from host: 198.51.100.7/198.51.100.7 to TCP port: 23'],
    [
      { technique: 'udp', transport: 'udp', address: '2001:db8::7' },
      'attackalert: UDP scan from host: 2001:db8::7/2001:db8::7 to UDP port: 23',
    ],
    [
      { technique: 'connect', transport: 'udp' },
      'attackalert: Connect from host: 198.51.100.7/198.51.100.7 to UDP port: 23',
    ],
  ])('%j', (changes, line) => {
    expect(scanLine({ ...probe, ...changes })).toBe(line);
  });

  it('of every technique are what log readers look for', () => {
    for (const technique of TECHNIQUES) {
      expect(SCAN.exec(scanLine({ ...probe, technique }))?.slice(1)).toEqual(['198.51.100.7', 'TCP']);
    }
    const line = blockedLine({
      source: '198.51.100.7',
      via: 'nftables',
      command: 'nft add element inet picket held4 { 198.51.100.7 }',
    });
    expect(BLOCKED.exec(line)?.[1]).toBe('198.51.100.7');
    expect(alreadyBlockedLine('198.51.100.7')).toBe(
      'attackalert: Host: 198.51.100.7/198.51.100.7 is already blocked Ignoring',
    );
  });

  it('at the start name each port that is left alone, or ranges of many', () => {
    const words = 'adminalert: Advanced Stealth scan detection mode activated. Ignored';
    expect(
      stealthStartLines({
        tcp: [
          [113, 113],
          [138, 139],
        ],
        udp: [[67, 67]],
      }),
    ).toEqual([
      `${words} TCP port: 113`,
      `${words} TCP port: 138`,
      `${words} TCP port: 139`,
      `${words} UDP port: 67`,
    ]);
    expect(stealthStartLines({ tcp: [[1024, 65535]], udp: [] })).toEqual([`${words} TCP port: 1024-65535`]);
    expect(connectStartLines({ tcp: [[1, 1]], udp: [] })).toEqual([
      'adminalert: Going into listen mode on TCP port: 1',
    ]);
  });
});
