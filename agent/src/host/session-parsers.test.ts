import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAddress } from '@picket/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sessionHost } from './session-host.ts';
import { logindHosts, sessionIds } from './session-logind.ts';
import { whoHosts } from './session-who.ts';

const sample = (name: string) =>
  readFileSync(join(import.meta.dirname, '../../testdata/sessions', name), 'utf8');
const address = (text: string) => ({ kind: 'address', address: text });
const named = (text: string) => ({ kind: 'name', name: text });

describe('the sessions of logind', () => {
  it('are the first word of each line, once, of old and new versions', () => {
    const lines =
      '     3 1000 alice seat0 tty2\n    c7    0 root\n   21 1000 meriel - 61261 user pts/1 no -\n   21 1000 meriel\n';
    expect(sessionIds(lines)).toEqual(['3', 'c7', '21']);
    expect(sessionIds('No sessions.\n')).toEqual([]);
    expect(sessionIds('')).toEqual([]);
  });

  it('have the remote host of a session that lives', () => {
    expect(logindHosts(sample('systemd-257-session.txt'))).toEqual([address('198.51.100.7')]);
  });

  it('count neither a session that is over nor a login screen, whose user is nobody yet', () => {
    const block = (text: string) => `Id=1\nRemote=yes\nRemoteHost=203.0.113.7\n${text}\n`;
    expect(logindHosts(sample('systemd-219-closing.txt'))).toEqual([]);
    expect(logindHosts(block('Class=user\nState=closing'))).toEqual([]);
    expect(logindHosts(block('Class=greeter\nState=active'))).toEqual([]);
    expect(logindHosts(block('State=active'))).toEqual([]);
    expect(logindHosts(block('Class=user-early\nState=opening'))).toEqual([address('203.0.113.7')]);
    expect(logindHosts(block('Class=background\nState=online'))).toEqual([address('203.0.113.7')]);
  });

  it('are told apart by the empty line between them', () => {
    const shown =
      'RemoteHost=203.0.113.7\nClass=user\nState=closing\n\nRemoteHost=gate.example.org\nClass=user\nState=active\n';
    expect(logindHosts(shown)).toEqual([named('gate.example.org')]);
  });
});

describe('the sessions of who', () => {
  it('have the host in parentheses, of mosh without its words', () => {
    expect(whoHosts(sample('gnu-who-mosh.txt'))).toEqual([
      named('backup.cs.fiu.edu'),
      named('sarafina.cs.fiu.edu'),
      address('173.9.162.197'),
    ]);
  });

  it('have the hosts of FreeBSD, OpenBSD and illumos, and no display or program', () => {
    expect(whoHosts(sample('bsd-solaris-who.txt'))).toEqual([
      address('203.0.113.7'),
      address('2001:db8:9::7'),
      named('gate.example.org'),
      address('203.0.113.9'),
    ]);
  });

  it('have the bare addresses of --ips, and never a time of day for an address', () => {
    const text =
      'alice    pts/0        2026-11-24 09:12 203.0.113.7\nroot     tty1         2026-11-24 09:12\nbob      pts/1        2026-11-24 09:12 2001:db8:9::7\n';
    expect(whoHosts(text)).toEqual([address('203.0.113.7'), address('2001:db8:9::7')]);
  });
});

describe('the remote host of a session', () => {
  it('is an address without its zone, or a name with a dot in small letters', () => {
    expect(sessionHost('fe80::1%eth0')).toEqual(address('fe80::1'));
    expect(sessionHost('::ffff:192.0.2.1')).toEqual(address('192.0.2.1'));
    expect(sessionHost('Gate.Example.org.')).toEqual(named('gate.example.org'));
  });

  it.each([
    '',
    ':0',
    'localhost',
    '192.0.2.0/24',
    '0.0.0.0/0',
    '1.2.3',
    '*.example.org',
    'a..b',
    `${'a.'.repeat(200)}b`,
    '-x.example.org',
    '$(id).example.org',
  ])('is nothing when it says %j', (text) => {
    expect(sessionHost(text)).toBeUndefined();
  });

  it('is a canonical address or a plain name, whatever a stranger called itself', () => {
    const piece = fc.oneof(
      fc.string(),
      fc.ipV4(),
      fc.ipV6(),
      fc.domain(),
      fc.constantFrom('(', ')', ' ', '\n', '%', '\0'),
    );
    const text = fc.array(piece, { maxLength: 6 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, (hostile) => {
        const found = [
          ...whoHosts(`root pts/0 Nov 24 09:12 (${hostile})\n`),
          ...logindHosts(`Class=user\nState=active\nRemoteHost=${hostile}\n`),
          ...whoHosts(hostile),
          ...logindHosts(hostile),
        ];
        for (const host of found) {
          if (host.kind === 'address') expect(parseAddress(host.address)).toBe(host.address);
          else expect(host.name).toMatch(/^[a-z0-9.-]{4,253}$/);
        }
        expect(sessionIds(hostile).every((id) => /^[A-Za-z0-9]{1,32}$/.test(id))).toBe(true);
      }),
    );
  });
});
