import { join, resolve } from 'node:path';
import type { Database } from '@picket/db';
import { testDatabase } from '@picket/db/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Agent } from './lab/agent.ts';
import { type Chain, openPorts, startChain } from './lab/chain.ts';
import { type Lab, openLab } from './lab/lab.ts';
import { labMissing } from './lab/missing.ts';
import { waitFor } from './lab/wait.ts';

/* `picket-agent doctor` on a real host: where all is well, and with each thing that can be wrong. */

const missing = labMissing();

const NEWS_MS = 45_000;

const foundSchema = z.object({
  isWell: z.boolean(),
  findings: z.array(
    z.object({ area: z.string(), grade: z.string(), what: z.string(), todo: z.string().optional() }),
  ),
});

/** What root may do as the service's user, as the wrapper of scripts/install.sh lets him. */
const CAPS = '-all,+net_admin,+net_raw,+net_bind_service';
const AS_SERVICE = [
  ...['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--no-new-privs'],
  ...[`--bounding-set=${CAPS}`, `--inh-caps=${CAPS}`, `--ambient-caps=${CAPS}`, '--'],
];

describe.skipIf(missing)(`the doctor${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let lab: Lab;
  let database: Database;
  let chain: Chain;
  let agent: Agent;

  beforeAll(async () => {
    database = await testDatabase();
    lab = await openLab({ hosts: ['a'] });
    chain = await startChain(lab, { databaseUrl: database.url });
    const found = chain.agents.get('a');
    if (found === undefined) throw new Error('no agent');
    agent = found;
  }, 180_000);

  afterAll(async () => {
    await lab?.close();
    await database?.close();
  });

  const examine = async (before: readonly string[] = []) => {
    const { status, stdout, stderr } = await lab.exec('a', [...before, ...agent.argv('doctor', '--json')]);
    if (stderr !== '') throw new Error(stderr);
    const { isWell, findings } = foundSchema.parse(JSON.parse(stdout));
    expect(status).toBe(isWell ? 0 : 1);
    const of = (grade: string) =>
      findings.filter((f) => f.grade === grade).map(({ area, what }) => `${area}: ${what}`);
    return { isWell, wrong: of('wrong'), ok: of('ok'), note: of('note') };
  };
  const links = () => lab.mustExec('a', ['ip', '-o', 'link']);
  const shared = () => lab.mustExec('a', ['nft', 'list', 'set', 'inet', 'picket', 'shared_held4']);
  const isClean = async () => !(await links()).includes('pktdoc') && !(await shared()).includes('192.0.2.1');

  test('finds a host good where all is well, and shows that its table refuses packets, over both families', async () => {
    const { wrong, ok } = await examine();
    expect(wrong).toEqual([]);
    const seen = ok.join('\n');
    for (const family of ['IPv4', 'IPv6'])
      expect(seen).toMatch(
        new RegExp(`^hook: on this host, ${family}: 5 packets .* refused and counted`, 'm'),
      );
    expect(seen).toMatch(/^hook: nftables in a namespace, IPv6: 5 packets/m);
    expect(seen).toMatch(/^collector: the collector answers, and has the pinned key$/m);
    expect(seen).toMatch(/^clock: the clock agrees with the collector, by its signed answer$/m);
    expect(seen).toMatch(/^engine: the agent listens to NFLOG group 4715$/m);
  });

  test('disturbs no block, and leaves nothing behind', async () => {
    expect(await openPorts(lab, 'scanner', lab.node('a').v4, '22,80,1001-1020')).not.toContain(1001);
    const isBlocked = async () =>
      JSON.parse((await agent.ask('status', '--json')).stdout).figures.localBlocks;
    expect(await waitFor('the block', isBlocked, NEWS_MS)).toBe(1);
    const found = await Promise.all([examine(), examine()]);
    expect(found.flatMap(({ wrong }) => wrong)).toEqual([]);
    await waitFor('the wires to go', isClean, NEWS_MS);
    expect(await isBlocked()).toBe(1);
    expect((await agent.ask('explain', '192.0.2.1')).stdout).toContain('nothing of it is known');
    expect(await database.sql`select 1 from sighting where source = '192.0.2.1'`).toHaveLength(0);
  });

  test('works as the user of the service, who has three capabilities and is not root', async () => {
    const found = await examine(AS_SERVICE);
    expect(found.ok.join('\n')).toMatch(/^hook: on this host, IPv4: 5 packets .* refused and counted/m);
    expect(found.ok.join('\n')).toMatch(/^hook: nftables in a namespace, IPv4: 5 packets/m);
  });

  test('says what it could not do as a user without any rights', async () => {
    const { wrong, note } = await examine([
      'setpriv',
      '--reuid=65534',
      '--regid=65534',
      '--clear-groups',
      '--bounding-set=-all',
      '--',
    ]);
    expect(note.join('\n')).toMatch(/^privileges: this user lacks CAP_NET_ADMIN/m);
    expect(wrong.join('\n')).toMatch(/^firewall: no firewall of this host can be used/m);
  });

  test('leaves nothing behind when it is killed', async () => {
    const doctor = lab.spawn('a', 'killed-doctor', agent.argv('doctor'));
    await waitFor('its wire', async () => (await links()).includes('pktdoc'), NEWS_MS);
    await doctor.kill('SIGKILL');
    await waitFor('all of it to be gone', isClean, NEWS_MS);
  });

  test('takes a pause for what a person wants, and prints what it ran for a report, without the key', async () => {
    await agent.ask('pause');
    const { status, stdout } = await agent.ask('doctor', '--transcript');
    await agent.ask('resume');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^note {3}hook {7}on this host nobody is refused now, by choice/m);
    expect(stdout).toMatch(/^\$ nft --version\n {2}nftables v/m);
    expect(stdout).toMatch(/^\$ uname -a\n {2}Linux /m);
    expect(stdout).toMatch(/^\$ nft list chain inet picket drop_new$/m);
    expect(stdout).not.toMatch(/"d"|picket1\./);
  });

  test('finds rules that others took out of the table while no agent put them back', async () => {
    await agent.kill('SIGKILL');
    await lab.mustExec('a', ['nft', 'flush', 'table', 'inet', 'picket']);
    const { note } = await examine();
    expect(note.join('\n')).toMatch(/^hook: the table on this host has no rules that refuse/m);
    await agent.start();
  });

  test('finds a collector that is away', async () => {
    await chain.collector.kill('SIGKILL');
    const { wrong } = await examine();
    expect(wrong.join('\n')).toMatch(
      /^collector: no connection to 203\.0\.113\.10 port 8440: .*ECONNREFUSED/m,
    );
  });

  test('finds a key that others can read, no agent, somebody in the place of the collector, and a wrong clock', async () => {
    await agent.kill('SIGKILL');
    const state = join(lab.folder, 'agent-a/state');
    await lab.mustExec('a', ['chmod', '644', join(state, 'identity.jwk')]);
    await lab.mustExec('a', ['chmod', '755', state]);
    const { v4 } = lab.node('collector');
    const script = join(import.meta.dirname, 'lab/wrong-collector.ts');
    const argv = [process.execPath, '--import', 'tsx', script, v4, '8440', '7200000'];
    const other = lab.spawn('collector', 'wrong-collector', argv, {
      cwd: resolve(import.meta.dirname, '..'),
    });
    await other.printed(/listening/, NEWS_MS);
    const { wrong, ok } = await examine();
    expect(wrong).toEqual([
      expect.stringMatching(/^state: .* can be entered by others/),
      expect.stringMatching(/^state: .*identity\.jwk, this host's key, can be read by others/),
      // The tcpdump of the killed agent.
      expect.stringMatching(/^engine: somebody listens to NFLOG group/),
      expect.stringMatching(/^agent: no agent runs/),
      expect.stringMatching(/^collector: whoever answers at .* is not the collector of this host/),
      expect.stringMatching(/^clock: the clock is 2 h behind the collector, by its unsigned Date header/),
    ]);
    // The kernel goes on without an agent.
    expect(ok.join('\n')).toMatch(/^hook: on this host, IPv4: 5 packets .* refused and counted/m);
  });

  test('finds a host without nft, one without tcpdump, and a config that cannot be used', async () => {
    const without = (program: string) => [
      'unshare',
      '-m',
      'sh',
      '-c',
      `mount --bind /dev/null /usr/${program} && exec "$@"`,
      'sh',
    ];
    const noNft = await examine(without('sbin/nft'));
    expect(noNft.ok.join('\n')).toMatch(/^firewall: block\.firewall = "auto" takes iptables-ipset/m);
    expect(noNft.note.join('\n')).toMatch(/^firewall: nftables cannot be used: nft: cannot be started/m);
    expect(noNft.note.join('\n')).toMatch(/^engine: kernel does not work: nft: cannot be started/m);
    const config = join(lab.folder, 'agent-a/picket.toml');
    await lab.mustExec('a', ['sh', '-c', 'echo nonsense = 1 >>"$0"', config]);
    const noTcpdump = await examine(without('bin/tcpdump'));
    expect(noTcpdump.note.join('\n')).toMatch(/^engine: capture does not work: tcpdump: cannot be started/m);
    expect(noTcpdump.wrong.join('\n')).toMatch(
      /^policy: .*picket\.toml:\d+: unknown key "uplink\.nonsense"/m,
    );
  });
});
