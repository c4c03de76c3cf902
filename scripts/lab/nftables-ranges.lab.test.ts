import { put, want } from '@picket/agent/firewall/contract';
import type { Source } from '@picket/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Lab, openLab } from './lab.ts';
import { labMissing } from './missing.ts';
import { type NftBackend, nftBackend } from './nft-backend.ts';

const missing = labMissing();
const NETWORKS = { allow: [] as string[], onLink: ['2001:db8:1::/64'], enforce: true };

/** In the middle of 198.51.100.0/24, and of 2001:db8:66::/48. */
const FAR = { 4: '198.51.100.200', 6: '2001:db8:66::200' } as const;

describe.skipIf(missing)(`shared networks${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let lab: Lab;
  let backend: NftBackend;
  beforeAll(async () => {
    lab = await openLab({ hosts: ['a'] });
  });
  afterAll(() => lab.close());
  beforeEach(async () => {
    await lab.exec('a', ['nft', 'delete', 'table', 'inet', 'picket']);
    backend = nftBackend(lab, 'a');
    await backend.firewall.open(NETWORKS);
  });
  afterEach(() => backend.firewall.close?.());

  /** Whether `far` gets an answer, over both families. */
  const reaches = async () => {
    const { v4, v6 } = lab.node('a');
    const pings = [v4, v6].map((address) => lab.exec('far', ['ping', '-c1', '-W1', address]));
    return (await Promise.all(pings)).map(({ status }) => status === 0);
  };
  const share = (sources: readonly Source[], more: Partial<typeof NETWORKS> = {}, tier?: 'dropped') => {
    const wanted = want([], sources);
    const shared = new Map(
      [...wanted.shared].map(([source, block]) => [source, { ...block, ...(tier && { tier }) }]),
    );
    return put(backend.firewall, { ...wanted, shared, ...NETWORKS, ...more });
  };
  const sets = async () => {
    const { stdout } = await lab.exec('a', ['nft', '-t', 'list', 'sets', 'inet']);
    return [...stdout.matchAll(/set (shared_\w+_\d+)/g)].map(([, name]) => name).sort();
  };

  test('a network is blocked whole, an address in its middle too, and one beside it is not', async () => {
    expect(await reaches()).toEqual([true, true]);
    await share(['198.51.100.0/24']);
    expect(await reaches()).toEqual([false, true]);
    await share(['198.51.101.0/24', '2001:db8:66::/48']);
    expect(await reaches()).toEqual([true, false]);
    await share([]);
    expect(await reaches()).toEqual([true, true]);
  });

  test.each(['held', 'dropped'] as const)('each length is blocked whole in the tier %s', async (tier) => {
    const networks = [
      ...['198.0.0.0/8', '198.51.0.0/17', '198.51.100.0/23', '198.51.100.200/31'],
      ...['2001:c00::/22', '2001:db8::/32', '2001:db8:40::/42', '2001:db8:66::/63'],
    ];
    for (const network of networks) {
      await share([network], {}, tier === 'dropped' ? tier : undefined);
      expect([network, ...(await reaches())]).toEqual([
        network,
        network.includes(':'),
        !network.includes(':'),
      ]);
    }
  });

  test('who is allowed inside a blocked network is let through', async () => {
    await share(['198.51.100.0/24', '2001:db8:66::/48'], { allow: [FAR[4], '2001:db8:66::/64'] });
    expect(await reaches()).toEqual([true, true]);
    await share(['198.51.100.0/24', '2001:db8:66::/48']);
    expect(await reaches()).toEqual([false, false]);
  });

  test('there is a set for each length in use, and none for others', async () => {
    await share(['198.51.100.0/24', '192.0.2.0/25', '2001:db8:66::/48', '192.0.2.200']);
    expect(await sets()).toEqual(['shared_held4_24', 'shared_held4_25', 'shared_held6_48']);
    await share(['192.0.2.0/25']);
    expect(await sets()).toEqual(['shared_held4_25']);
    await share([]);
    expect(await sets()).toEqual([]);
  });

  test('a host that observes keeps the networks and refuses nobody, and takes it up again', async () => {
    await share(['198.51.100.0/24'], { enforce: false });
    expect(await reaches()).toEqual([true, true]);
    await share(['198.51.100.0/24', '2001:db8:66::/48'], { enforce: false });
    expect(await reaches()).toEqual([true, true]);
    await share(['198.51.100.0/24', '2001:db8:66::/48']);
    expect(await reaches()).toEqual([false, false]);
  });

  test('what an earlier agent shared stays in force until the first list, which replaces it at once', async () => {
    await share(['198.51.100.0/24', '192.0.2.7']);
    const next = nftBackend(lab, 'a');
    await next.firewall.open(NETWORKS);
    await next.firewall.apply(want([]));
    expect(await reaches()).toEqual([false, true]);
    await next.firewall.share(want([], ['2001:db8:66::/48']).shared);
    expect([await reaches(), await sets()]).toEqual([[true, false], ['shared_held6_48']]);
    expect((await lab.exec('a', ['nft', 'list', 'ruleset'])).stdout).not.toContain('192.0.2.7');
    await next.firewall.close?.();
  });

  test('nobody who stays blocked is free for a moment while lists follow each other', async () => {
    const filler = (from: number) =>
      Array.from({ length: 4_000 }, (_, i) => `10.${from}.${i >> 8}.${i & 255}`);
    await share(['198.51.100.0/24', FAR[4], ...filler(0)]);
    const flood = lab.spawn('far', 'flood', ['ping', '-i', '0.002', '-W1', lab.node('a').v4]);
    for (let i = 1; i <= 6; i++) {
      const shared = want([], [i % 2 ? '198.51.100.0/24' : '198.51.0.0/16', FAR[4], ...filler(i)]).shared;
      const later = [...shared].map(
        ([source, block]) => [source, { ...block, untilMs: block.untilMs + i * 60_000 }] as const,
      );
      await backend.firewall.share(new Map(later));
    }
    await flood.kill('SIGINT');
    expect(await flood.output()).toMatch(/[1-9]\d* packets transmitted, 0 received/);
  });
});
