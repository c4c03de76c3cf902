import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { firstAddress } from '@picket/protocol';
import { afterAll, describe, expect, it } from 'vitest';
import { parsePolicy } from '../policy/load.ts';
import { firewallContract, put, want } from './contract.ts';
import { createHostsDeny, MOST_SOURCES } from './hosts-deny.ts';
import { clearHostsDeny } from './hosts-deny-clear.ts';
import { sourceOf } from './hosts-deny-lines.ts';

const root = mkdtempSync(join(tmpdir(), 'picket-wrappers-'));
afterAll(() => rmSync(root, { recursive: true }));

const NETWORKS = { allow: ['203.0.113.1'], onLink: ['2001:db8:1::/64'], enforce: true };

let folders = 0;
/** A folder with an empty hosts.allow, and a backend over the hosts.deny in it. */
function setUp({ name = 'hosts.deny', patterns = false } = {}) {
  let aheadMs = 0;
  const folder = join(root, String(folders++));
  mkdirSync(folder);
  const file = join(folder, name);
  const said: string[] = [];
  const now = () => Date.now() + aheadMs;
  const make = () => createHostsDeny({ file, daemons: 'ALL', patterns, now, log: (line) => said.push(line) });
  const text = () => (existsSync(file) ? readFileSync(file, 'latin1') : undefined);
  return {
    ...{ folder, file, said, make, firewall: make(), text },
    pass(ms: number) {
      aheadMs += ms;
    },
  };
}

/** What the suite of all backends works with. */
function subjectOf(options?: Parameters<typeof setUp>[0]) {
  const { firewall, make, text, said, file, pass } = setUp(options);
  const left = (isKept: (line: string) => boolean) => async () =>
    writeFileSync(file, (text() ?? '').split('\n').filter(isKept).join('\n'));
  return {
    ...{ firewall, reopen: make, said, pass, file },
    ours: async () => text() ?? '',
    damages: {
      'the file': async () => rmSync(file),
      'all lines': left((line) => line === '# picket made this file' || line === ''),
      'one rule': left((line) => !line.includes('198.51.100.7')),
      'one rule of the network': left((line) => !line.includes('192.0.2.0')),
    },
  };
}

/** The sources of rules, by a reading of its own. */
function sourcesIn(text: string | undefined): string[] {
  const rules = (text ?? '').split('\n').filter((line) => line.startsWith('ALL: '));
  return rules.map((line) => sourceOf(line.slice(5)) ?? line);
}

firewallContract('hosts-deny', async () => {
  const subject = subjectOf();
  return { ...subject, refused: async () => sourcesIn(await subject.ours()) };
});

firewallContract('hosts-deny with a file of patterns', async () => {
  const subject = subjectOf({ patterns: true });
  const refused = async () =>
    (await subject.ours())
      .split('\n')
      .filter(Boolean)
      .map((pattern) => sourceOf(pattern) ?? pattern);
  return { ...subject, refused };
});

/** Debian's package tcpd: what TCP wrappers would do with a client, by the files in a folder. */
const hasOracle = spawnSync('tcpdmatch', []).error === undefined;
const skipped = hasOracle ? '' : ' (skipped: tcpdmatch of the package tcpd is not there)';

function isDenied(folder: string, address: string, daemon = 'sshd'): boolean {
  const { stdout } = spawnSync('tcpdmatch', ['-d', daemon, address], { cwd: folder, encoding: 'utf8' });
  const [, access] = /^access: +(granted|denied)$/m.exec(stdout) ?? [];
  if (access === undefined) throw new Error(`tcpdmatch says: ${stdout}`);
  return access === 'denied';
}

describe.skipIf(!hasOracle)(`TCP wrappers themselves${skipped}`, () => {
  const SOURCES = ['198.51.100.7', '2001:db8:66::/64', '2001:db8:1::99', '192.0.2.0/24'];
  firewallContract('hosts-deny, as tcpdmatch reads it,', async () => {
    const subject = subjectOf();
    const folder = dirname(subject.file);
    const refused = async () => SOURCES.filter((source) => isDenied(folder, firstAddress(source)));
    return { ...subject, refused, refuses: async (address: string) => isDenied(folder, address) };
  });

  it.each(['hosts.deny', 'hosts.allow'])('refuse by %s whom it names and nobody else', async (name) => {
    const { folder, file, firewall } = setUp({ name });
    writeFileSync(file, '# ours\nsshd: 192.0.2.1 : deny\nALL: 198.51.100.9 : allow\n');
    await firewall.open(NETWORKS);
    await put(firewall, want(['198.51.100.7', '2001:db8:66::/64'], ['203.0.112.0/24', '2001:db8:1::99']));
    for (const address of ['198.51.100.7', '2001:db8:66::5', '203.0.112.255', '2001:db8:1::99', '192.0.2.1'])
      expect([address, isDenied(folder, address)]).toEqual([address, true]);
    for (const address of [
      '198.51.100.8',
      '198.51.100.70',
      '2001:db8:67::5',
      '203.0.111.255',
      '203.0.113.0',
      '2001:db8:1::9',
    ])
      expect([address, isDenied(folder, address)]).toEqual([address, false]);
    await firewall.remove();
    expect(['198.51.100.7', '2001:db8:66::5', '203.0.112.9'].map((one) => isDenied(folder, one))).toEqual([
      false,
      false,
      false,
    ]);
    expect(isDenied(folder, '192.0.2.1')).toBe(true);
  });

  it('refuse by a file of patterns that a rule of the administrator names', async () => {
    const { folder, file, firewall } = setUp({ name: 'list', patterns: true });
    writeFileSync(join(folder, 'hosts.deny'), `ALL: ${file}\n`);
    await firewall.open(NETWORKS);
    await put(firewall, want(['198.51.100.7', '2001:db8:66::/64'], ['203.0.112.0/24', '2001:db8:1::99']));
    const denied = ['198.51.100.7', '2001:db8:66::5', '203.0.112.255', '2001:db8:1::99'];
    const others = ['198.51.100.8', '2001:db8:67::5', '203.0.111.255', '2001:db8:1::9'];
    expect([...denied, ...others].filter((address) => isDenied(folder, address))).toEqual(denied);
    await firewall.remove();
    expect(denied.filter((address) => isDenied(folder, address))).toEqual([]);
  });

  it('find nothing to complain of', async () => {
    const { folder, firewall } = setUp();
    await firewall.open(NETWORKS);
    await put(firewall, want(['198.51.100.7', '2001:db8:66::/64'], ['203.0.112.0/24', '2001:db8:1::99']));
    const check = spawnSync('tcpdchk', ['-d'], { cwd: folder, encoding: 'utf8' });
    expect([check.status, check.stderr, check.stdout]).toEqual([0, '', '']);
  });

  it('deny by a whole file even where others left its last line without a newline', async () => {
    const { folder, file, firewall } = setUp();
    writeFileSync(file, 'ALL: 192.0.2.1\n# the end');
    await firewall.open(NETWORKS);
    await put(firewall, want(['198.51.100.7']));
    expect(isDenied(folder, '198.51.100.7')).toBe(true);
  });
});

describe('createHostsDeny', () => {
  it('keeps mode, and follows a symbolic link without replacing it', async () => {
    const { folder, file, firewall } = setUp();
    const real = join(folder, 'real');
    writeFileSync(real, 'ALL: 192.0.2.1\n');
    chmodSync(real, 0o640);
    symlinkSync('real', file);
    await firewall.open(NETWORKS);
    await put(firewall, want(['198.51.100.7']));
    expect([lstatSync(file).isSymbolicLink(), statSync(real).mode & 0o777]).toEqual([true, 0o640]);
    expect(sourcesIn(readFileSync(real, 'utf8'))).toEqual(['198.51.100.7', '192.0.2.1']);
    expect(readdirSync(folder).sort()).toEqual(['hosts.deny', 'real']);
  });

  it.skipIf(process.getuid?.() !== 0)('keeps the owner (skipped: needs root)', async () => {
    const { file, firewall } = setUp();
    writeFileSync(file, '');
    spawnSync('chown', ['12345:23456', file]);
    await firewall.open(NETWORKS);
    await put(firewall, want(['198.51.100.7']));
    expect([statSync(file).uid, statSync(file).gid]).toEqual([12_345, 23_456]);
  });

  it('leaves no file where there was none', async () => {
    const { folder, firewall, text } = setUp();
    await firewall.open(NETWORKS);
    await put(firewall, want(['198.51.100.7']));
    expect(text()).toBeDefined();
    await firewall.remove();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('writes nothing when nothing changed', async () => {
    const { file, firewall } = setUp();
    const wanted = want(['198.51.100.7']);
    await firewall.open(NETWORKS);
    await put(firewall, wanted);
    const { ino } = statSync(file);
    await put(firewall, wanted);
    await firewall.look();
    expect(statSync(file).ino).toBe(ino);
  });

  it('has no line while nothing is enforced, and never one that refuses an allowed source', async () => {
    const { firewall, text } = setUp();
    await firewall.open(NETWORKS);
    await put(firewall, { ...want(['198.51.100.7']), enforce: false });
    expect(text()).toBeUndefined();
    await put(
      firewall,
      want(['198.51.100.7', '203.0.113.1'], ['203.0.113.0/24', '2001:db8:1::/64', '127.0.0.0/8']),
    );
    expect(sourcesIn(text())).toEqual(['198.51.100.7']);
  });

  it('makes its lines again when an editor wrote the file without them, and says so once', async () => {
    const { file, said, firewall, text } = setUp();
    await firewall.open(NETWORKS);
    await put(firewall, want(['198.51.100.7']));
    writeFileSync(file, 'sshd: 192.0.2.9\n');
    expect(await firewall.look()).toMatchObject([{ source: '198.51.100.7', packets: 0 }]);
    await firewall.look();
    expect(text()).toMatch(/^# picket local until \S+\nALL: 198\.51\.100\.7\nsshd: 192\.0\.2\.9\n$/);
    expect(said).toEqual([expect.stringContaining('others had changed the lines')]);
  });

  it('takes out what is over by itself, also of the network', async () => {
    const { firewall, text } = setUp();
    await firewall.open(NETWORKS);
    await put(firewall, {
      ...want([]),
      shared: new Map([
        ['198.51.100.7', { source: '198.51.100.7', untilMs: Date.now() + 300, tier: 'held' }],
      ]),
    });
    expect(sourcesIn(text())).toEqual(['198.51.100.7']);
    await expect.poll(text, { timeout: 5_000 }).toBeUndefined();
  });

  it("tells after a restart the host's own blocks that are in the file, with their ends", async () => {
    const { firewall, make } = setUp();
    await firewall.open(NETWORKS);
    const wanted = want(['198.51.100.7', '2001:db8:66::/64'], ['203.0.112.0/24']);
    await put(firewall, wanted);
    const untilMs = wanted.local.get('198.51.100.7')?.untilMs;
    expect(await make().open(NETWORKS)).toEqual([
      { source: '198.51.100.7', untilMs, tier: 'held' },
      { source: '2001:db8:66::/64', untilMs, tier: 'held' },
    ]);
  });

  it('takes no more sources than services read quickly, its own first, and tells how many are left out', async () => {
    const { said, firewall, text } = setUp();
    await firewall.open(NETWORKS);
    const shared = Array.from({ length: MOST_SOURCES + 7 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
    await put(firewall, want(['198.51.100.7'], shared));
    const sources = sourcesIn(text());
    expect([sources.length, sources[0]]).toEqual([MOST_SOURCES, '198.51.100.7']);
    expect(said).toEqual([expect.stringContaining('8 blocked ones are not in it')]);
  });

  it('takes no file of patterns in which others wrote, and leaves it as it is', async () => {
    const { file, firewall, text } = setUp({ patterns: true });
    writeFileSync(file, 'ALL: 192.0.2.1\n');
    await expect(firewall.open(NETWORKS)).rejects.toMatchObject({
      message: expect.stringContaining('a file of its own'),
    });
    await expect(put(firewall, want(['198.51.100.7']))).rejects.toMatchObject({ code: 'firewall_failed' });
    expect(text()).toBe('ALL: 192.0.2.1\n');
  });

  it('refuses to begin on a file that it cannot replace, and says what to do', async () => {
    const { folder } = setUp();
    const file = join(folder, 'no', 'hosts.deny');
    const firewall = createHostsDeny({ file, daemons: 'ALL', patterns: false, now: Date.now, log: () => {} });
    await expect(firewall.open(NETWORKS)).rejects.toMatchObject({
      code: 'firewall_failed',
      message: expect.stringContaining(file),
    });
    const proc = createHostsDeny({
      file: '/proc/version',
      daemons: 'ALL',
      patterns: false,
      now: Date.now,
      log: () => {},
    });
    await expect(proc.open(NETWORKS)).rejects.toMatchObject({
      code: 'firewall_failed',
      message: expect.stringContaining('/proc/version'),
    });
    symlinkSync('nowhere', join(folder, 'hosts.deny'));
    const dangling = createHostsDeny({
      file: join(folder, 'hosts.deny'),
      daemons: 'ALL',
      patterns: false,
      now: Date.now,
      log: () => {},
    });
    await expect(dangling.open(NETWORKS)).rejects.toMatchObject({
      message: expect.stringContaining('leads nowhere'),
    });
  });

  it.each([
    ['a pipe', (file: string) => spawnSync('mkfifo', [file])],
    ['a folder', (file: string) => mkdirSync(file)],
    ['a device', (file: string) => symlinkSync('/dev/zero', file)],
    [
      'a socket',
      (file: string) =>
        spawnSync(process.execPath, [
          '-e',
          "require('node:net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))",
          file,
        ]),
    ],
  ])('waits for nothing that stands in its place, and names it: %s', async (what, make) => {
    const { file, firewall } = setUp();
    make(file);
    const refused = { code: 'firewall_failed', message: `${file} is no file but ${what}` };
    await expect(firewall.open(NETWORKS)).rejects.toMatchObject(refused);
    await expect(put(firewall, want(['198.51.100.7']))).rejects.toMatchObject(refused);
    const { daemons } = parsePolicy('', '').hosts_deny;
    const clearing = clearHostsDeny({ file, daemons, patterns: false }, { folder: `${file}-none` });
    await expect(clearing).rejects.toMatchObject(refused);
  });
});
