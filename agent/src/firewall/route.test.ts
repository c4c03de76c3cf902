import { describe, expect, it } from 'vitest';
import { put, want } from './contract.ts';
import { fakePrograms, linesOf } from './entry-fake.ts';
import { createEntryFirewall } from './entry-firewall.ts';
import { blackholeRoutes } from './route.ts';

const STANCE = { allow: [], onLink: [], enforce: true };
const routes = blackholeRoutes([4, 6]);
const entry = (source: string) => ({ source, tier: 'dropped', origin: 'local' }) as const;

describe('blackhole routes', () => {
  it('are added and removed in one batch, with a number and a metric that make them ours', () => {
    expect(linesOf(routes.add([entry('198.51.100.7'), entry('2001:db8:66::/64')], 0))).toEqual([
      `ip -force -batch -
route add blackhole 198.51.100.7 proto 112 metric 4715
route add blackhole 2001:db8:66::/64 proto 112 metric 4715`,
    ]);
    expect(linesOf(routes.remove([entry('198.51.100.7')]))).toEqual([
      'ip -force -batch -\nroute del blackhole 198.51.100.7 proto 112 metric 4715',
    ]);
    expect(linesOf(routes.tearDown([]))).toEqual([
      'ip -4 route flush table main type blackhole proto 112',
      'ip -6 route flush table main type blackhole proto 112',
    ]);
  });

  it('are read as iproute2 6.1 shows them', () => {
    const outputs = [
      'blackhole 198.51.100.0/28 metric 4715 \nblackhole 198.51.100.9 metric 4715 \n',
      'blackhole 2001:db8:5::/64 dev lo metric 4715 pref medium\n',
    ];
    expect(routes.parse(outputs, 0)?.map(({ source }) => source)).toEqual([
      '198.51.100.0/28',
      '198.51.100.9',
      '2001:db8:5::/64',
    ]);
  });

  it('that are there already, or gone, are no failure; one other word among them is', async () => {
    const there = 'RTNETLINK answers: File exists\nCommand failed -:2\n';
    let stderr = there + there;
    const { run } = fakePrograms((line) => (line.includes('route add') ? { stderr } : undefined));
    const firewall = createEntryFirewall(routes, { run, now: Date.now, log: () => {} });
    await firewall.open(STANCE);
    await put(firewall, { ...want(['198.51.100.7']), ...STANCE });
    stderr = `${there}RTNETLINK answers: Operation not permitted\nCommand failed -:3\n`;
    await expect(firewall.apply({ ...want(['198.51.100.8']), ...STANCE })).rejects.toThrow('not permitted');
  });

  it('hold a source once that both the host and the network block', async () => {
    const { run, asked } = fakePrograms();
    const firewall = createEntryFirewall(routes, { run, now: Date.now, log: () => {} });
    await firewall.open(STANCE);
    await put(firewall, { ...want(['198.51.100.7'], ['198.51.100.7']), ...STANCE });
    expect(asked.filter((line) => line.includes('route add'))).toHaveLength(1);
    await put(firewall, { ...want([], ['198.51.100.7']), ...STANCE });
    expect(asked.filter((line) => line.includes('route del'))).toEqual([]);
  });
});
