import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { rulesetPolicy } from '../policy/derive.ts';
import { parsePolicy } from '../policy/load.ts';
import { type Answer, fakePrograms } from './entry-fake.ts';
import { iptablesIpset } from './iptables-ipset.ts';
import { clearOthers } from './pick-leftovers.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'picket-leftovers-'));
});
afterEach(() => rm(folder, { recursive: true }));

const LINE = '# picket local until 2100-01-01T00:00:00.000Z\nALL: 192.0.2.7\n';
const OTHERS = 'ALL: 203.0.113.1\n';
const file = () => join(folder, 'hosts.deny');

/** A host whose programs all work, and answer so. */
async function clear(
  used: string,
  answer: (line: string) => Answer | undefined = () => undefined,
  more = '',
) {
  const { asked, run } = fakePrograms(answer);
  const said: string[] = [];
  const policy = parsePolicy(`${more}\n[hosts_deny]\nfile = "${file()}"`, 'picket.toml');
  const ruleset = rulesetPolicy(policy, [32_768, 60_999], false);
  const choice = { policy, ruleset, run, now: () => 0, log: (message: string) => said.push(message) };
  await clearOthers(choice, used, join(folder, 'denied'));
  const looks =
    /-save|^ipset save|^ipset list|^nft (?:list|--check|-c)|--test|^ip .* (?:show|del blackhole (?:127|::1))/;
  return { said, changes: asked.filter((line) => !looks.test(line.split('\n')[0] ?? '')) };
}

describe.runIf(process.platform === 'linux')('what agents of before left', () => {
  it('is looked for, and nothing is changed where there is nothing', async () => {
    const { changes, said } = await clear('nftables');
    expect([changes, said]).toEqual([[], []]);
  });

  it('goes from the chains and sets of iptables when nftables blocks now', async () => {
    const options = { forwarded: true, families: [4, 6] } as const;
    const stance = { allow: [], onLink: [], enforce: true };
    const rules = iptablesIpset(options)
      .setUp(stance)
      .flatMap(({ command: { argv, stdin = '' } }) => [
        ...stdin.split('\n').filter((text) => text.startsWith('-A ')),
        ...(argv[5] === '-I' ? [`-A ${argv[6]} -j ${argv[9]}`] : []),
      ]);
    let isThere = true;
    const { changes, said } = await clear('nftables', (line) => {
      if (line.startsWith('ipset destroy')) isThere = false;
      if (line.includes('-save -c') && isThere) return { stdout: rules.join('\n') };
      if (line === 'ipset save picket_local_held4')
        return { stdout: 'add picket_local_held4 192.0.2.7 timeout 60 packets 0 bytes 0\n' };
      return undefined;
    });
    expect(changes).toContain('iptables -w 5 -t mangle -X PICKET_HELD');
    expect(changes).toContain('ipset destroy picket_local_held4');
    expect(said).toEqual(['removed what an agent of before left in iptables-ipset: 1 blocks']);
  });

  it.each([
    ['iptables', 'ipset destroy picket_local_held4'],
    ['iptables-ipset', 'iptables -w 5 -t mangle -X PICKET_HELD_LOCAL'],
  ])('goes from the sibling of %s without the chains that both have', async (used, expected) => {
    const { changes } = await clear(used);
    expect(changes).toContain(expected);
    expect(changes.filter((line) => /PICKET_(?:HELD|DROPPED)(?: |$)/.test(line))).toEqual([]);
  });

  it('goes from nftables when another blocks now, and only when its table is there', async () => {
    const { changes, said } = await clear('route', (line) =>
      line === 'nft list tables' ? { stdout: 'table inet filter\ntable inet picket\n' } : undefined,
    );
    expect(changes).toEqual(['nft -f -\nadd table inet picket\ndelete table inet picket']);
    expect(said).toEqual(['removed the table inet picket that an agent of before left in nftables']);
  });

  it('goes from routes, though the policy of today would make none', async () => {
    const answer = (line: string) =>
      /^ip .*show/.test(line) ? { stdout: 'blackhole 192.0.2.7 proto 112 \n' } : undefined;
    const { said } = await clear('nftables', answer, '[block]\nforwarded = false');
    expect(said).toEqual([expect.stringMatching(/left in route: \d blocks/)]);
  });

  it('goes from hosts.deny unless that is in use, and lines of others stay', async () => {
    await writeFile(file(), `${LINE}${OTHERS}`);
    await clear('nftables+hosts-deny');
    expect(await readFile(file(), 'utf8')).toBe(`${LINE}${OTHERS}`);
    await clear('nftables');
    expect(await readFile(file(), 'utf8')).toBe(OTHERS);
  });

  it('holds nothing up where it fails, and is told', async () => {
    await writeFile(file(), LINE);
    const { said } = await clear('iptables', (line) => {
      if (line === 'nft list tables') return { stdout: 'table inet picket\n' };
      return /^ipset destroy|^nft -f/.test(line) ? { stderr: 'Operation not permitted' } : undefined;
    });
    expect(said).toEqual([
      expect.stringContaining('left in iptables-ipset could not be removed: ipset destroy'),
      expect.stringContaining('left in nftables could not be removed: nft: Operation not permitted'),
      'removed what an agent of before left in hosts.deny: 1 blocks',
    ]);
  });
});
