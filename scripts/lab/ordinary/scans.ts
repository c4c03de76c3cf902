import type { Lab } from '../lab.ts';
import { HOST } from './kind.ts';

/** A scan that must trip. */
export interface Scan {
  readonly name: string;
  readonly about: string;
  readonly run: (lab: Lab) => Promise<void>;
  /** In whose names it comes, all of which trip. */
  readonly sources: (lab: Lab) => string[];
}

/** Addresses of nobody, in whose names a scanner sends too. */
const DECOYS = ['203.0.113.240', '203.0.113.241'] as const;

/** nmap ends by itself; the slowest takes six times fifteen seconds. */
const LIMIT_MS = 150_000;

function nmap(name: string, about: string, ...how: string[]): Scan {
  const isV6 = how.includes('-6');
  const ports = how.includes('-p') ? [] : ['-p', '300-329'];
  const argv = ['nmap', '-n', '-Pn', '--max-retries', '0', '--host-timeout', '120s', ...how, ...ports];
  return {
    ...{ name, about },
    run: async (lab) => {
      await lab.mustExec('scanner', [...argv, lab.node(HOST)[isV6 ? 'v6' : 'v4']], { timeoutMs: LIMIT_MS });
    },
    sources: (lab) => [lab.node('scanner')[isV6 ? 'v6' : 'v4'], ...(how.includes('-D') ? DECOYS : [])].sort(),
  };
}

/** nmap's techniques, and how it hides. */
export const SCANS: readonly Scan[] = [
  nmap('connect', 'nmap -sT', '-sT'),
  nmap('syn', 'nmap -sS', '-sS'),
  nmap('fin', 'nmap -sF', '-sF'),
  nmap('null', 'nmap -sN', '-sN'),
  nmap('xmas', 'nmap -sX', '-sX'),
  nmap('maimon', 'nmap -sM', '-sM'),
  nmap('ack', 'nmap -sA', '-sA'),
  nmap('window', 'nmap -sW', '-sW'),
  nmap('udp', 'nmap -sU', '-sU', '--max-rtt-timeout', '200ms'),
  nmap('sctp-init', 'nmap -sY', '-sY'),
  nmap('sctp-cookie-echo', 'nmap -sZ', '-sZ'),
  nmap('ip-protocol', 'nmap -sO', '-sO', '-p', '60-99'),
  nmap('syn-fin', 'nmap -sS --scanflags SYNFIN', '-sS', '--scanflags', 'SYNFIN'),
  nmap('fragments', 'nmap -sS -f: IPv4 fragments of eight bytes', '-sS', '-f'),
  nmap('decoys', 'nmap -sS -D: in the names of two others too', '-sS', '-D', DECOYS.join(',')),
  nmap('syn-from-80', 'nmap -sS -g 80: from the port of a web server', '-sS', '-g', '80'),
  nmap('udp-from-53', 'nmap -sU -g 53: from the port of a name server', '-sU', '-g', '53'),
  nmap('syn-v6', 'nmap -6 -sS', '-6', '-sS'),
  nmap('udp-v6', 'nmap -6 -sU', '-6', '-sU'),
  nmap('ack-v6', 'nmap -6 -sA', '-6', '-sA'),
  nmap('slow', 'nmap -sS -T1: a port every fifteen seconds', '-sS', '-T1', '-p', '300-305'),
];
