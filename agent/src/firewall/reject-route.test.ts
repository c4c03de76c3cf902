import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { firewallContract, put, want } from './contract.ts';
import type { Entry } from './entries.ts';
import { entryContract } from './entry-contract.ts';
import { createEntryFirewall } from './entry-firewall.ts';
import { rejectRoutes } from './reject-route.ts';
import { createFakeRoutes } from './reject-route-fake.ts';
import { readRoutes } from './reject-route-rows.ts';

const STANCE = { allow: [], onLink: [], enforce: true };
const SYSTEMS = ['freebsd', 'openbsd', 'sunos'] as const;
type System = (typeof SYSTEMS)[number];

const recorded = (name: string) =>
  readFileSync(new URL(`../../testdata/firewall/${name}`, import.meta.url), 'utf8');

const blocked = (source: string): Entry => ({ source, tier: 'dropped', origin: 'local' });

function subject(system: System) {
  const routes = createFakeRoutes(system);
  const said: string[] = [];
  let aheadMs = 0;
  const reopen = () =>
    createEntryFirewall(rejectRoutes(system), {
      ...{ run: routes.run, now: () => Date.now() + aheadMs, log: (message) => said.push(message) },
    });
  const pass = (ms: number) => {
    aheadMs += ms;
  };
  const ours = async () => (await routes.refused()).sort().join('\n');
  return { routes, said, firewall: reopen(), reopen, refused: routes.refused, ours, pass };
}

for (const system of SYSTEMS) {
  firewallContract(`route of ${system}`, async () => {
    const { routes, ...rest } = subject(system);
    const take = (isTaken: (destination: string) => boolean) => {
      routes.routes = routes.routes.filter(({ destination }) => !isTaken(destination));
    };
    const damages = {
      'routes flushed': async () => take(() => true),
      'one route': async () => take((destination) => destination === '198.51.100.7'),
      'a route of the network': async () => take((destination) => destination === '192.0.2.0/24'),
    };
    return { ...rest, damages };
  });

  describe(`routes of ${system}`, () => {
    it('of an administrator stay, also blackholes, and when all is removed', async () => {
      const { routes, firewall, reopen } = subject(system);
      const theirs = {
        destination: '198.51.100.66',
        gateway: '127.0.0.1',
        flags: 'UGHSB',
        priority: '8',
        mtu: '-',
      };
      routes.routes.push(theirs);
      await firewall.open(STANCE);
      await put(firewall, want(['192.0.2.1'], ['2001:db8:5::/64']));
      await firewall.look();
      await reopen().remove();
      expect(routes.routes.map(({ destination }) => destination)).toEqual(['default', '198.51.100.66']);
    });

    it('come back when others flushed them', async () => {
      const { routes, firewall, refused } = subject(system);
      await firewall.open(STANCE);
      await put(firewall, want(['192.0.2.1'], ['192.0.2.0/24']));
      routes.routes = [];
      await firewall.look();
      expect((await refused()).sort()).toEqual(['192.0.2.0/24', '192.0.2.1']);
    });

    it('that may not be changed are told in the words of the command', async () => {
      const { routes, firewall } = subject(system);
      await firewall.open(STANCE);
      routes.isPermitted = false;
      await expect(put(firewall, want(['192.0.2.1']))).rejects.toThrow(
        /must be root|insufficient privileges/,
      );
    });
  });

  describe(`the reader of ${system} routes`, () => {
    entryContract(rejectRoutes(system), () => createFakeRoutes(system));
  });
}

describe('the commands of a route', () => {
  const command = (system: System, source: string) =>
    rejectRoutes(system)
      .add([blocked(source)], 0)[0]
      ?.command.argv.join(' ');

  it('mark it in the way of each system', () => {
    expect(command('freebsd', '192.0.2.1')).toBe(
      'route -n add -inet -host 192.0.2.1 127.0.0.1 -blackhole -proto2',
    );
    expect(command('openbsd', '192.0.2.1')).toBe(
      'route -n add -inet -host 192.0.2.1 127.0.0.1 -blackhole -priority 7',
    );
    expect(command('sunos', '192.0.2.1')).toBe(
      'route -n add -inet -host 192.0.2.1 127.0.0.1 -blackhole -mtu 4715',
    );
  });

  it('tell networks and IPv6 apart', () => {
    expect(command('freebsd', '2001:db8:5::/64')).toContain('-inet6 -net 2001:db8:5::/64 ::1');
    expect(command('sunos', '198.51.100.0/24')).toContain('-inet -net 198.51.100.0/24 127.0.0.1');
  });

  it('remove over our gateway only', () => {
    const [freebsd, openbsd] = (['freebsd', 'openbsd'] as const).map((system) =>
      rejectRoutes(system)
        .remove([blocked('192.0.2.1')])[0]
        ?.command.argv.join(' '),
    );
    expect(freebsd).toBe('route -n delete -inet -host 192.0.2.1 127.0.0.1');
    expect(openbsd).toBe('route -n delete -inet -host 192.0.2.1 127.0.0.1 -priority 7');
  });
});

describe('routing tables as recorded', () => {
  it('of OpenBSD, which leaves out zero octets, are read', () => {
    expect(
      readRoutes(recorded('netstat-openbsd.txt')).map(({ destination, gateway, flags }) => [
        destination,
        gateway,
        flags,
      ]),
    ).toEqual([
      ['default', '10.0.0.1', 'UGS'],
      ['224.0.0.0/4', '127.0.0.1', 'URS'],
      ['127.0.0.0/8', '127.0.0.1', 'UGRS'],
      ['127.0.0.1', '127.0.0.1', 'UH'],
      ['10.0.0.0/24', 'link#1', 'UC'],
      ['10.0.0.1', 'aa:0:4:0:81:d', 'UHL'],
      ['10.0.0.38', '127.0.0.1', 'UGHS'],
    ]);
  });

  it('of Solaris 11.4, with an empty column and a mask, are read', () => {
    const rows = ['netstat-solaris-inet.txt', 'netstat-solaris-inet6.txt'].flatMap((name) =>
      readRoutes(recorded(name)),
    );
    expect(
      rows.map(({ destination, gateway, flags, before }) => [destination, gateway, flags, before.at(-2)]),
    ).toEqual([
      ['default/0', '129.70.163.177', 'UG', '0'],
      ['127.0.0.1/32', '127.0.0.1', 'UH', '8232'],
      ['129.70.163.176/29', '129.70.163.179', 'U', '1500'],
      ['::1', '::1', 'UH', '8252'],
      ['fe80::/10', 'fe80::214:4fff:fefb:a5d7', 'U', '1500'],
    ]);
  });

  it('hold none of ours', () => {
    expect(rejectRoutes('openbsd').parse([recorded('netstat-openbsd.txt')], 0)).toEqual([]);
    expect(rejectRoutes('sunos').parse([recorded('netstat-solaris-inet.txt')], 0)).toEqual([]);
  });
});
