import { describe, expect, it } from 'vitest';
import type { Packet } from '../decode/packet.ts';
import { parsePolicy } from '../policy/load.ts';
import { createDrops } from './capture-drops.ts';
import { createFlow } from './capture-handover.ts';
import { captureInterfaces } from './capture-interfaces.ts';
import { createOpenPorts } from './capture-open-ports.ts';
import {
  ephemeralOf,
  FREEBSD_CAPTURE,
  linuxCapture,
  OPENBSD_CAPTURE,
  SUNOS_SNOOP,
} from './capture-system.ts';

describe('the command of a capture', () => {
  it('on Linux is one over all interfaces, with the link type that tells them', () => {
    expect(linuxCapture('LINUX_SLL2').argv('any', 'tcp').join(' ')).toBe(
      'tcpdump -i any -y LINUX_SLL2 -p -n -s 256 -B 16384 -U --immediate-mode -w - tcp',
    );
    expect(linuxCapture('LINUX_SLL2').argv('eth0', 'tcp')).not.toContain('-y');
  });

  it('asks of each system only what its own program knows', () => {
    expect(FREEBSD_CAPTURE.argv('em0', 'tcp')).toContain('--immediate-mode');
    expect(OPENBSD_CAPTURE.argv('vio0', 'tcp').join(' ')).toBe('tcpdump -i vio0 -p -n -s 256 -w - tcp');
    expect(SUNOS_SNOOP.argv('net0', 'tcp').join(' ')).toBe('snoop -q -r -P -d net0 -s 256 -o - ip or ip6');
  });

  it('is given for the interfaces that the policy leaves', () => {
    const names = (config: string, anyInterface?: string) =>
      captureInterfaces(parsePolicy(config, ''), { ...(anyInterface && { anyInterface }) }, ['em0', 'wg0']);
    expect(names('', 'any')).toEqual(['any']);
    expect(names('')).toEqual(['em0', 'wg0']);
    expect(names('[watch]\nignore_interfaces = ["wg0"]', 'any')).toEqual(['em0']);
    expect(names('[capture]\ninterfaces = ["em1"]', 'any')).toEqual(['em1']);
  });
});

describe('ephemeral ports', () => {
  it('are the two numbers that a system prints, or not known', () => {
    expect(ephemeralOf('10000\n65535\n')).toEqual([10_000, 65_535]);
    expect(ephemeralOf('sysctl: unknown oid')).toBeUndefined();
    expect(ephemeralOf('1\n2\n3\n')).toBeUndefined();
    expect(ephemeralOf('9\n1\n')).toBeUndefined();
  });
});

describe('open ports', () => {
  const sockets = (tcp: number[], busy: number[] = []) => ({
    listeners: { tcp: new Set(tcp), udp: new Set<number>(), sctp: new Set<number>() },
    connections: busy.map((port) => ({ remote: '192.0.2.1', remotePort: 2049, local: '192.0.2.2', port })),
  });

  it('count at once in the beginning, later when they stay', () => {
    const open = createOpenPorts();
    open.note(sockets([22], [700]));
    expect([...open.at(0).listeners.tcp, ...open.at(0).busy]).toEqual([22, 700]);
    open.note(sockets([22, 8080]));
    expect([...open.at(0).listeners.tcp, ...open.at(0).busy]).toEqual([22]);
    open.note(sockets([22, 8080]));
    expect([...open.at(0).listeners.tcp]).toEqual([22, 8080]);
  });

  it('that answered without a listener are busy for a while, since somebody redirects them', () => {
    const open = createOpenPorts();
    const segment = { kind: 'tcp', sourcePort: 8_443, port: 40_000, flags: 0x12 } as const;
    const link = { direction: 'out', cast: 'unknown' } as const;
    const ends = { source: '192.0.2.2', destination: '192.0.2.1', protocol: 6 };
    open.noteSent({ atMs: 1_000, link, ...ends, segment, checksum: 'unknown' });
    open.noteSent({
      atMs: 1_000,
      link,
      ...ends,
      segment: { ...segment, sourcePort: 9, flags: 0x14 },
      checksum: 'unknown',
    });
    expect([...open.at(600_000).busy]).toEqual([8_443]);
    expect([...open.at(700_000).busy]).toEqual([]);
  });

  it('are not busy while somebody listens', () => {
    const open = createOpenPorts();
    open.note(sockets([22], [22]));
    expect(open.at(0).busy.size).toBe(0);
  });
});

describe('what captures dropped', () => {
  it('is read from what tcpdump says, however it is cut, and added up over its lives', async () => {
    const drops = createDrops();
    const first = drops.of();
    const told = drops.told(1);
    first.words('tcpdump: 9 packets captured, 12 packets received by filter, 3 pack');
    first.words('ets dropped by kernel\n');
    await told;
    expect(drops.total()).toBe(3);
    first.words('12 packets received by filter\n4 packets dropped by kernel\n');
    drops.of().words('1 packet dropped by kernel\n');
    expect(drops.total()).toBe(5);
  });

  it('takes no memory for captures that have ended', () => {
    const drops = createDrops();
    for (let i = 0; i < 1_000; i++) {
      const one = drops.of();
      one.words('2 packets dropped by kernel\n');
      one.ended();
      one.ended();
    }
    expect(drops.total()).toBe(2_000);
  });

  it('is not waited for when nobody captures', async () => {
    const drops = createDrops();
    await drops.told(0);
    expect(drops.total()).toBe(0);
  });
});

describe('a handover from one capture to the next', () => {
  const packet = (atMs: number): Packet => ({
    ...{ atMs, source: '192.0.2.1', destination: '192.0.2.2', protocol: 17, checksum: 'good' },
    segment: { kind: 'udp', sourcePort: 1, port: 2 },
    link: { direction: 'in', cast: 'unicast' },
  });

  it('tells what both saw once, in order, and what only the new one saw', () => {
    const told: number[] = [];
    const on = ({ atMs }: Packet) => told.push(atMs);
    const [old, next] = [createFlow(on, false), createFlow(on, true)];
    old.take(packet(1));
    next.take(packet(2));
    old.take(packet(2));
    next.take(packet(3));
    next.release(old.lastAtMs);
    next.take(packet(4));
    expect(told).toEqual([1, 2, 3, 4]);
  });
});
