import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Outcome } from '../run/runner.ts';
import { type HostSocket, toHostSockets } from './listeners.ts';
import { bsdSockets, openbsdListeners, sunosListeners, sunosSockets } from './listeners-netstat.ts';
import { procfsListeners, procfsSockets, sctpEndpoints } from './listeners-procfs.ts';
import { sockstatListeners, sockstatSockets } from './listeners-sockstat.ts';

const recorded = (name: string) =>
  readFileSync(join(import.meta.dirname, '../../testdata/listeners', name), 'utf8');

/** Served ports of each transport, ascending, and connections. */
function summary(sockets: HostSocket[]) {
  const { listeners, connections } = toHostSockets(sockets);
  const ports = (set: ReadonlySet<number>) => [...set].sort((a, b) => a - b);
  const { tcp, udp, sctp } = listeners;
  return { tcp: ports(tcp), udp: ports(udp), sctp: ports(sctp), connections };
}

/** As Linux 6.x prints them; loopback's listener, one of both families, a connection of each. */
const TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1145 1 000000008c72e683 100 0 0 10 0
   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1146 1 000000008c72e683 100 0 0 10 0
   2: 0A7100CB:0016 076433C6:9C40 01 00000000:00000000 02:0008D3F2 00000000     0        0 1147 2 000000008c72e683 20 4 29 10 -1
   3: 0A7100CB:9C42 076433C6:0050 06 00000000:00000000 03:0000168C 00000000     0        0 0 3 000000008c72e683
`;
const TCP6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1148 1 000000008c72e683 100 0 0 10 0
   1: 0000000000000000FFFF00000A7100CB:0050 0000000000000000FFFF0000076433C6:9C41 01 00000000:00000000 00:00000000 00000000     0        0 1149 1 000000008c72e683 20 0 0 10 -1
   2: B80D0120000001000000000010000000:0050 B80D0120000000000000000007000000:9C41 01 00000000:00000000 00:00000000 00000000     0        0 1150 1 000000008c72e683 20 0 0 10 -1
`;
const UDP = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  315: 00000000:0044 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1151 2 000000008c72e683 0
  316: 3500007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1152 2 000000008c72e683 0
`;

describe('the sockets of a host', () => {
  it('are read from procfs, of both families, mapped addresses as IPv4', () => {
    const sockets = [...procfsSockets(TCP, 'tcp', true), ...procfsSockets(TCP6, 'tcp', true)];
    expect(summary([...sockets, ...procfsSockets(UDP, 'udp', true)])).toEqual({
      tcp: [22, 80],
      udp: [68],
      sctp: [],
      connections: [
        { remote: '198.51.100.7', remotePort: 40_000, local: '203.0.113.10', port: 22 },
        { remote: '198.51.100.7', remotePort: 80, local: '203.0.113.10', port: 40_002 },
        { remote: '198.51.100.7', remotePort: 40_001, local: '203.0.113.10', port: 80 },
        { remote: '2001:db8::7', remotePort: 40_001, local: '2001:db8:1::10', port: 80 },
      ],
    });
  });

  it('are read in the byte order of the host', () => {
    const row = TCP.split('\n')[3]?.replace('0A7100CB', 'CB00710A') ?? '';
    expect(procfsSockets(row, 'tcp', false)[0]?.local).toBe('203.0.113.10');
  });

  it('of SCTP count when they listen, but for loopback', () => {
    expect(summary(sctpEndpoints(recorded('linux-sctp-eps.txt'))).sctp).toEqual([11_111]);
  });

  it('of FreeBSD are read whatever the names of their commands', () => {
    const read = summary(sockstatSockets(recorded('freebsd-sockstat.txt')));
    expect(read.tcp).toEqual([22, 80, 664, 777, 895, 3179, 8000, 9000]);
    expect(read.connections).toEqual([
      { remote: '192.168.123.21', remotePort: 49_819, local: '192.168.123.5', port: 22 },
      { remote: '192.168.123.21', remotePort: 49_739, local: '192.168.123.5', port: 22 },
    ]);
    const later = summary(sockstatSockets(recorded('freebsd-sockstat-13.txt')));
    expect([later.tcp, later.udp]).toEqual([
      [22, 25],
      [123, 514, 17_890],
    ]);
  });

  it('of OpenBSD are read, sockets without a port left out, a cut address taken for any', () => {
    const read = summary([
      ...bsdSockets(recorded('openbsd-netstat-udp.txt')),
      ...bsdSockets(recorded('openbsd-netstat-tcp.txt')),
    ]);
    expect([read.tcp, read.udp]).toEqual([
      [22, 443, 8443],
      [53, 29_903, 39_674],
    ]);
    expect(read.connections).toHaveLength(1);
  });

  it('of Solaris and illumos are read section by section', () => {
    const read = summary(sunosSockets(recorded('omnios-netstat.txt')));
    expect([read.tcp, read.udp]).toEqual([
      [22, 111, 36_196, 56_771],
      [68, 111, 546, 50_058],
    ]);
    expect(read.connections).toEqual([
      { remote: '198.51.100.250', remotePort: 59_344, local: '172.31.15.139', port: 22 },
    ]);
    expect(summary(sunosSockets(recorded('solaris-netstat-sctp.txt'))).sctp).toEqual([7, 9, 9001]);
  });

  it('never make a parser throw, whatever the text', () => {
    const samples = [
      TCP,
      TCP6,
      ...['freebsd-sockstat.txt', 'openbsd-netstat-tcp.txt', 'omnios-netstat.txt'].map(recorded),
    ];
    const words = fc.array(fc.constantFrom(...samples.join('\n').split(/\b/)), { maxLength: 60 });
    const anyText = fc.oneof(
      fc.string(),
      words.map((list) => list.join('')),
    );
    fc.assert(
      fc.property(anyText, (text) => {
        const parsers = [sockstatSockets, bsdSockets, sunosSockets, sctpEndpoints];
        const lists = [...parsers.map((p) => p(text)), procfsSockets(text, 'tcp', true)];
        for (const { tcp, udp } of lists.map(summary))
          expect([...tcp, ...udp].every((port) => Number.isInteger(port) && port > 0)).toBe(true);
      }),
    );
  });
});

describe('a reader of listeners', () => {
  const ok = (stdout: string): Outcome => ({ status: 0, stdout, stderr: '' });

  it('asks the commands of its system, and needs no SCTP', async () => {
    const asked: string[] = [];
    const run = async ({ argv }: { argv: readonly string[] }): Promise<Outcome> => {
      asked.push(argv.join(' '));
      return argv.includes('sctp') ? { status: 1, stdout: '', stderr: 'sctp: unknown protocol' } : ok('');
    };
    await sockstatListeners(run)();
    await openbsdListeners(run)();
    await sunosListeners(run)();
    expect(asked).toEqual([
      'sockstat -46 -P tcp,udp,sctp',
      'netstat -an -f inet',
      'netstat -an -f inet6',
      'netstat -an -P tcp',
      'netstat -an -P udp',
      'netstat -an -P sctp',
    ]);
  });

  it('says what the command said when it fails', async () => {
    const run = async (): Promise<Outcome> => ({ status: 1, stdout: '', stderr: 'no kvm\n' });
    await expect(openbsdListeners(run)()).rejects.toThrow('netstat -an -f inet: no kvm');
  });

  it.runIf(process.platform === 'linux')('sees a service of this machine open and close', async () => {
    const read = procfsListeners();
    const server = createServer().listen(45_821, '0.0.0.0');
    await expect.poll(async () => (await read()).listeners.tcp.has(45_821)).toBe(true);
    server.close();
    await expect.poll(async () => (await read()).listeners.tcp.has(45_821)).toBe(false);
  });
});
