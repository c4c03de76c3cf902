import { firewallContract, put, want } from '@picket/agent/firewall/contract';
import { createEntryFirewall } from '@picket/agent/firewall/entry-firewall';
import { blackholeRoutes } from '@picket/agent/firewall/route';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Lab, openLab } from '../lab.ts';
import { labMissing } from '../missing.ts';
import { connects, converse, HOST, reaches, stayingRunnerOn } from './host.ts';

const missing = labMissing();
const SCANNER = '203.0.113.200';
const ROUTES = blackholeRoutes([4, 6]);
const NETWORKS = { allow: [], onLink: [], enforce: true };

describe.skipIf(missing)(`blackhole routes in the lab${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let lab: Lab;
  let staying: ReturnType<typeof stayingRunnerOn>;
  beforeAll(async () => {
    lab = await openLab({ hosts: [HOST] });
    staying = stayingRunnerOn(lab, ROUTES);
    // The lab's own route to just that /64 would come first, as an administrator's does.
    const wider = ['route del 2001:db8:66::/64', `route add 2001:db8::/32 via ${lab.node('router').v6}`];
    await lab.mustExec(HOST, ['ip', '-batch', '-'], { stdin: `${wider.join('\n')}\n` });
    expect(await reaches(lab, 'far', 6)).toBe(true);
  });
  afterAll(async () => {
    await staying.close();
    await lab.close();
  });
  const said: string[] = [];
  let aheadMs = 0;
  const clean = async () => {
    aheadMs = 0;
    await backend().remove();
  };
  beforeEach(clean);

  const backend = () =>
    createEntryFirewall(ROUTES, {
      ...{ run: staying.run, now: () => Date.now() + aheadMs, log: (message) => said.push(message) },
    });
  const opened = async () => {
    const firewall = backend();
    await firewall.open(NETWORKS);
    return firewall;
  };
  const routes = async () => {
    const both = [['-4'], ['-6']].map(([family = '']) => lab.mustExec(HOST, ['ip', family, 'route']));
    return (await Promise.all(both)).join('');
  };
  const refused = async () =>
    [...(await routes()).matchAll(/^blackhole (\S+)/gm)].map(([, source = '']) => source);

  const ip = (...argv: string[]) => lab.mustExec(HOST, ['ip', ...argv]);
  const prepare = async () => {
    await clean();
    return {
      ...{ firewall: backend(), reopen: backend, refused, said },
      ours: async () => (await refused()).sort().join('\n'),
      damages: {
        'ip route flush': () => ip('route', 'flush', 'type', 'blackhole'),
        'ip -6 route flush': () => ip('-6', 'route', 'flush', 'type', 'blackhole'),
        'one route': () => ip('route', 'del', 'blackhole', '198.51.100.7'),
        'a route of the network': () => ip('route', 'del', 'blackhole', '192.0.2.0/24'),
      },
      pass: (ms: number) => {
        aheadMs += ms;
      },
    };
  };
  firewallContract('route', prepare);

  test('who is blocked gets no answer, and loses the connection it has', async () => {
    const firewall = await opened();
    const conversation = await converse(lab, 'scanner');
    await put(firewall, { ...want([SCANNER]), ...NETWORKS });
    expect(await reaches(lab, 'scanner')).toBe(false);
    expect(await connects(lab, 'scanner', 7)).toBe(false);
    expect(await conversation.isCut()).toBe(true);
    expect(await reaches(lab, 'client')).toBe(true);
    await conversation.end();
  });

  test('a whole IPv6 /64 gets no answer, nor does a shared CIDR', async () => {
    const firewall = await opened();
    await put(firewall, { ...want(['2001:db8:66::/64'], ['203.0.113.192/26']), ...NETWORKS });
    expect([await reaches(lab, 'far', 6), await reaches(lab, 'scanner')]).toEqual([false, false]);
    expect([await reaches(lab, 'scanner', 6), await reaches(lab, 'collector')]).toEqual([true, true]);
  });

  test('what is sent still arrives, but not where rp_filter is on', async () => {
    const firewall = await opened();
    await put(firewall, { ...want([SCANNER]), ...NETWORKS });
    const arrived = async () => {
      const before = await packetsIn();
      await reaches(lab, 'scanner');
      return (await packetsIn()) > before;
    };
    const packetsIn = async () => {
      const icmp = await lab.mustExec(HOST, ['cat', '/proc/net/snmp']);
      return Number(/^Icmp: (\d+)/m.exec(icmp)?.[1]);
    };
    const filter = (value: string) =>
      lab.mustExec(HOST, ['sh', '-c', `echo ${value} >/proc/sys/net/ipv4/conf/eth0/rp_filter`]);
    expect(await arrived()).toBe(true);
    await filter('1');
    expect(await arrived()).toBe(false);
    await filter('0');
  });

  test('no route is made for a gateway, nor for a network that it or this host is in', async () => {
    const firewall = await opened();
    const stance = { ...NETWORKS, allow: ['203.0.113.1', '203.0.113.11'], onLink: ['2001:db8:1::/64'] };
    const sources = ['203.0.113.1', '203.0.113.0/24', '2001:db8:1::/64', '203.0.112.0/20'];
    await put(firewall, { ...want(sources.slice(0, 1), sources), ...stance });
    expect(await refused()).toEqual([]);
  });

  test('a route of the administrator is never touched, nor overruled', async () => {
    const mine = ['route', 'add', 'blackhole', '198.51.100.77', 'metric', '9'];
    await lab.mustExec(HOST, ['ip', ...mine]);
    await lab.mustExec(HOST, ['ip', 'route', 'add', '198.51.100.200', 'via', '203.0.113.1']);
    const before = await routes();
    const firewall = await opened();
    await put(firewall, { ...want(['198.51.100.77', '198.51.100.200', SCANNER]), ...NETWORKS });
    expect(await reaches(lab, 'far')).toBe(true);
    await firewall.apply({ ...want([SCANNER]), ...NETWORKS });
    expect((await refused()).sort()).toEqual(['198.51.100.77', SCANNER]);
    await firewall.remove();
    expect(await routes()).toBe(before);
  });

  test('after somebody flushed the routes of ours the next look puts them back', async () => {
    const firewall = await opened();
    await put(firewall, { ...want([SCANNER]), ...NETWORKS });
    await lab.mustExec(HOST, ['ip', 'route', 'flush', 'type', 'blackhole']);
    await firewall.look();
    expect(await reaches(lab, 'scanner')).toBe(false);
  });

  test('10,000 routes are in force together, and all go', async () => {
    const firewall = await opened();
    const many = Array.from({ length: 10_000 }, (_, i) => `198.18.${i >> 8}.${i & 255}`);
    await put(firewall, { ...want([SCANNER], many), ...NETWORKS });
    expect(await refused()).toHaveLength(10_001);
    await firewall.share(new Map());
    expect(await refused()).toEqual([SCANNER]);
  });
});
