import type { Command, Outcome } from '../run/runner.ts';

/** A route of the fake. */
interface FakeRoute {
  readonly destination: string;
  readonly gateway: string;
  readonly flags: string;
  readonly priority: string;
  readonly mtu: string;
}

type System = 'freebsd' | 'openbsd' | 'sunos';

const SAID = (status: number, stdout = '', stderr = ''): Outcome => ({ status, stdout, stderr });

/** EEXIST, ESRCH and EPERM of Solaris, whose route ends with the number of the error. */
const [EPERM, ESRCH, EEXIST] = [1, 3, 17];

/**
 * route and netstat of three systems as their manual pages and sources tell: route(8) of FreeBSD and OpenBSD ends with 1
 * and says why on its output, Solaris' (usr/src/cmd/cmd-inet/usr.sbin/route.c of illumos) ends with the error's number.
 */
export function createFakeRoutes(system: System) {
  const fake = {
    isPermitted: true,
    routes: [
      { destination: 'default', gateway: '203.0.113.254', flags: 'UGS', priority: '8', mtu: '1500' },
    ] as FakeRoute[],
  };
  const refused = async () =>
    fake.routes.filter(({ flags }) => /[Bb]/.test(flags)).map(({ destination }) => destination);
  const run = async ({ argv }: Command): Promise<Outcome> => {
    if (argv[0] === 'netstat') return SAID(0, table(system, fake.routes, argv.includes('inet6')));
    if (!fake.isPermitted) return denied(system);
    const [, , verb = '', , kind = '', destination = '', gateway = '', ...more] = argv;
    const said = `${verb} ${kind.slice(1)} ${destination}: gateway ${gateway}`;
    const priority = more.includes('-priority') ? (more[more.indexOf('-priority') + 1] ?? '8') : '8';
    const isSame = (r: FakeRoute) =>
      r.destination === destination &&
      (system !== 'openbsd' || r.priority === priority) &&
      r.gateway === gateway;
    const known = fake.routes.find(isSame);
    if (verb === 'add' && known !== undefined) return failed(system, said, EEXIST);
    if (verb === 'delete' && known === undefined) return failed(system, said, ESRCH);
    if (known !== undefined) fake.routes = fake.routes.filter((r) => r !== known);
    else fake.routes.push(made({ destination, gateway, priority, more, kind, system }));
    return SAID(0, `${said}\n`);
  };
  return Object.assign(fake, { refused, run });
}

interface Wanted {
  readonly destination: string;
  readonly gateway: string;
  readonly priority: string;
  readonly more: readonly string[];
  readonly kind: string;
  readonly system: System;
}

function made({ destination, gateway, priority, more, kind, system }: Wanted): FakeRoute {
  const host = kind === '-host' ? 'H' : '';
  const blackhole = more.includes('-blackhole') ? (system === 'sunos' ? 'b' : 'B') : '';
  const flags = `UG${host}S${blackhole}${more.includes('-proto2') ? '2' : ''}`;
  const mtu = more.includes('-mtu')
    ? (more[more.indexOf('-mtu') + 1] ?? '')
    : system === 'openbsd'
      ? '-'
      : '0';
  return { destination, gateway, flags, priority, mtu };
}

function failed(system: System, said: string, errno: number): Outcome {
  const isThere = errno === EEXIST;
  if (system === 'sunos') return SAID(errno, `${said}: ${isThere ? 'entry exists' : 'not in table'}\n`);
  if (system === 'openbsd') return SAID(1, `${said}: ${isThere ? 'File exists' : 'not in table'}\n`);
  if (isThere) return SAID(1, `${said} fib 0: route already in table\n`);
  return SAID(1, `${said} fib 0: not in table\n`, 'route: route has not been found\n');
}

function denied(system: System): Outcome {
  if (system === 'sunos') return SAID(EPERM, 'add host: insufficient privileges\n');
  if (system === 'openbsd')
    return SAID(1, '', 'route: must be root to alter routing table: Permission denied\n');
  return SAID(77, '', 'route: must be root to alter routing table\n');
}

const HEADS: Readonly<Record<System, readonly [string, string]>> = {
  freebsd: [
    'Routing tables\n\nInternet:\nDestination        Gateway            Flags   Nhop#    Mtu    Netif Expire\n',
    'Routing tables\n\nInternet6:\nDestination        Gateway            Flags   Nhop#    Mtu    Netif Expire\n',
  ],
  openbsd: [
    'Routing tables\n\nInternet:\nDestination        Gateway            Flags   Refs      Use   Mtu  Prio Iface\n',
    'Routing tables\n\nInternet6:\nDestination        Gateway            Flags   Refs      Use   Mtu  Prio Iface\n',
  ],
  sunos: [
    '\nIRE Table: IPv4\n  Destination             Mask           Gateway          Device  MTU  Ref Flg  Out  In/Fwd \n',
    '\nIRE Table: IPv6\n  Destination/Mask            Gateway                    If    MTU  Ref Flags  Out   In/Fwd \n',
  ],
};

function table(system: System, routes: readonly FakeRoute[], isSix: boolean): string {
  const rows = routes.filter(({ destination }) => destination.includes(':') === isSix);
  return HEADS[system][isSix ? 1 : 0] + rows.map((r) => `${row(system, r, isSix)}\n`).join('');
}

function row(system: System, r: FakeRoute, isSix: boolean): string {
  if (system === 'freebsd') return [r.destination, r.gateway, r.flags, '5', '16384', 'lo0'].join('  ');
  if (system === 'openbsd')
    return [shortened(r.destination), r.gateway, r.flags, '0', '0', r.mtu, r.priority, 'lo0'].join('  ');
  const end = [r.mtu, '1', r.flags, '0', '0'];
  if (isSix) return [r.destination, r.gateway, 'lo0', ...end].join('  ');
  // The device of a route over a gateway is an empty column.
  const [address = '', length = r.destination === 'default' ? '0' : '32'] = r.destination.split('/');
  return [address, maskOf(Number(length)), r.gateway, ...end].join('  ');
}

function maskOf(length: number): string {
  const octet = (i: number) => 256 - 2 ** (8 - Math.min(8, Math.max(0, length - 8 * i)));
  return [0, 1, 2, 3].map(octet).join('.');
}

/** OpenBSD's netname4 prints as many octets as the length needs. */
function shortened(destination: string): string {
  const [address = '', length] = destination.split('/');
  if (length === undefined || address.includes(':')) return destination;
  const octets = Math.max(1, Math.ceil(Number(length) / 8));
  return `${address.split('.').slice(0, octets).join('.')}/${length}`;
}
