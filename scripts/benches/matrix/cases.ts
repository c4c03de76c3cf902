import type { Subject } from '../lab/gauge.ts';
import { MORE_ADDRESSES } from '../lab/victim.ts';
import type { Variant } from '../who/who.ts';
import { connectScan, type Field, nmap, nmapAt, nmapPorts } from './field.ts';
import { extensionHeaders, FLOOD_SOURCE, floodOf64, fragmentsV6 } from './frames.ts';

/** One way to scan. */
export type Case = {
  name: string;
  family: 4 | 6;
  probes: Subject['probes'];
  scan: (field: Field) => Promise<void>;
  /** Settings that Picket runs with, beside its defaults. */
  variant?: Variant;
  /** Whose packets are counted, when they are not those of the field's source. */
  source?: string;
  /** A remark for the reader. */
  remark?: string;
};

/** The port on which one probe trips, in the cases that say so. */
export const TRIPWIRE = 23;

/** Addresses of nobody, in whose names a scanner sends too. */
const DECOYS = {
  4: ['203.0.113.240', '203.0.113.241', '203.0.113.242'],
  6: ['2001:db8:1::f0', '2001:db8:1::f1', '2001:db8:1::f2'],
} as const;

const SLOW = 'slow: six ports, one per 4 s; nmap -T1 sends one per 15 s, which a bucket of hours sees alike';

const decoys = (field: Field) => {
  const [one, two, three] = DECOYS[field.family];
  return nmapPorts('-sS', '-D', [one, two, 'ME', three].join(','))(field);
};

const manyAddresses = (field: Field) => {
  const targets = MORE_ADDRESSES.map(({ v4, v6 }) => (field.family === 4 ? v4 : v6));
  return nmapAt(field, targets, ['-sS', '-p', '23', '-T4', '--min-rate', '100', '--host-timeout', '20s']);
};

const slow = (field: Field) => nmapAt(field, [field.target], ['-sS', '--scan-delay', '4s', '-p', '100-105']);

type Way = Omit<Case, 'name' | 'family'>;

const any = (scan: Way['scan']): Way => ({ probes: 'any', scan });
const syn = (scan: Way['scan']): Way => ({ probes: 'syn', scan });

/** The same way over both families. */
const BOTH: Readonly<Record<string, Way>> = {
  connect: syn(connectScan),
  syn: syn(nmapPorts('-sS')),
  fin: any(nmapPorts('-sF')),
  null: any(nmapPorts('-sN')),
  xmas: any(nmapPorts('-sX')),
  synfin: any(nmapPorts('-sS', '--scanflags', 'SYNFIN')),
  maimon: any(nmapPorts('-sM')),
  ack: any(nmapPorts('-sA')),
  window: any(nmapPorts('-sW')),
  udp: any(nmapPorts('-sU')),
  'sctp-init': any(nmapPorts('-sY')),
  'sctp-cookie-echo': any(nmapPorts('-sZ')),
  'ip-protocol': any(nmap('-sO')),
  decoys: syn(decoys),
  slow: { ...syn(slow), remark: SLOW },
  'high-ports': syn(nmap('-sS', '-p', '3000-4000')),
  'many-addresses': syn(manyAddresses),
  tripwire: { ...syn(nmap('-sS', '-p', `${TRIPWIRE}`)), variant: { tripwire: TRIPWIRE } },
};

const both = (family: 4 | 6): Case[] =>
  Object.entries(BOTH).map(([name, way]) => ({ name: `${name}-v${family}`, family, ...way }));

/** The rows of the matrix. nmap fragments IPv4 alone, and makes no extension headers: those frames are our own. */
export const CASES: readonly Case[] = [
  ...both(4),
  ...both(6),
  { name: 'fragments-v4', family: 4, ...syn(nmapPorts('-sS', '-f')) },
  { name: 'fragments-v6', family: 6, ...syn(fragmentsV6) },
  { name: 'ext-header-v6', family: 6, ...syn(extensionHeaders) },
  { name: 'flood-64', family: 6, ...syn(floodOf64), source: FLOOD_SOURCE },
];
