import { put, want } from '@picket/agent/firewall/contract';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Lab, openLab } from './lab.ts';
import { labMissing } from './missing.ts';
import { type NftBackend, nftBackend } from './nft-backend.ts';
import { waitFor } from './wait.ts';

const missing = labMissing();
const SCANNER = '203.0.113.200';
const NETWORKS = { allow: [], onLink: ['2001:db8:1::/64'], enforce: true };

/**
 * What Docker and Kubernetes make of a host: port 8080 of the router leads to `far`, which stands for a container, and
 * packets are counted where they are forwarded and where they come in.
 */
const CONTAINER_HOST = `table inet host {
  counter forwarded { }
  counter came_in { }
  chain to_container { type nat hook prerouting priority dstnat; ip daddr 203.0.113.1 tcp dport 8080 dnat ip to 198.51.100.200:80; }
  chain passing { type filter hook forward priority filter; ip saddr ${SCANNER} counter name forwarded; }
  chain coming { type filter hook input priority filter; ip saddr ${SCANNER} counter name came_in; }
}
`;

describe.skipIf(missing)(`block.forwarded${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let lab: Lab;
  let backend: NftBackend | undefined;
  beforeAll(async () => {
    lab = await openLab({ hosts: ['a'] });
    const serve = "require('node:net').createServer((s) => s.on('error', () => {}).end('hello')).listen(80)";
    lab.spawn('far', 'container', [process.execPath, '-e', serve]);
    await waitFor('the container', async () => (await isOpen('198.51.100.200', 80)) || undefined, 10_000);
  });
  afterAll(() => lab.close());
  afterEach(async () => {
    await backend?.firewall.remove();
    await backend?.firewall.close?.();
  });

  const isOpen = async (address: string, port: number) => {
    const argv = [
      'nmap',
      '-n',
      '-Pn',
      '-sT',
      '--max-retries',
      '0',
      '--host-timeout',
      '5s',
      '-p',
      `${port}`,
      address,
    ];
    return (await lab.exec('scanner', argv)).stdout.includes(`${port}/tcp open`);
  };
  const counted = async (counter: string) => {
    const said = await lab.mustExec('router', ['nft', 'reset', 'counter', 'inet', 'host', counter]);
    return Number(/packets (\d+)/.exec(said)?.[1]);
  };
  /** What gets through to the host itself, and what is forwarded, by route and by DNAT. */
  const tried = async () => {
    await Promise.all([counted('forwarded'), counted('came_in')]);
    const routed = [await isOpen('198.51.100.200', 80), await counted('forwarded')];
    const readdressed = [await isOpen('203.0.113.1', 8080), await counted('forwarded')];
    const pinged = await lab.exec('scanner', ['ping', '-c1', '-W1', '203.0.113.1']);
    return { routed, readdressed, host: [pinged.status === 0, await counted('came_in')] };
  };
  const open = async (forwarded: boolean, tier: 'held' | 'dropped') => {
    await lab.mustExec('router', ['nft', 'flush', 'ruleset']);
    await lab.mustExec('router', ['nft', '-f', '-'], { stdin: CONTAINER_HOST });
    backend = nftBackend(lab, 'router', { forwarded });
    await backend.firewall.open(NETWORKS);
    const passes = [true, expect.any(Number)];
    expect(await tried()).toEqual({ routed: passes, readdressed: passes, host: [true, 1] });
    await put(backend.firewall, { ...want([SCANNER], [], { tier }), ...NETWORKS });
  };

  test.each(['held', 'dropped'] as const)(
    'true: a source that is %s reaches no container either',
    async (tier) => {
      await open(true, tier);
      expect(await tried()).toEqual({ routed: [false, 0], readdressed: [false, 0], host: [false, 0] });
    },
  );

  test.each(['held', 'dropped'] as const)(
    'false: a source that is %s is refused by the host alone',
    async (tier) => {
      await open(false, tier);
      const { routed, readdressed, host } = await tried();
      expect([routed[0], readdressed[0], host]).toEqual([true, true, [false, 0]]);
      expect([routed[1], readdressed[1]].every((packets) => Number(packets) > 0)).toBe(true);
    },
  );

  test('changing it keeps the blocks that are in force', async () => {
    await open(true, 'held');
    await backend?.firewall.close?.();
    backend = nftBackend(lab, 'router', { forwarded: false });
    expect((await backend.firewall.open(NETWORKS)).map(({ source }) => source)).toEqual([SCANNER]);
    expect((await tried()).host).toEqual([false, 0]);
  });
});
