import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parsePolicy } from '../policy/load.ts';
import { parseCall } from './args.ts';
import { importCommand } from './import.ts';

const folder = mkdtempSync(join(tmpdir(), 'picket-import-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Writes a file into the test's folder. */
function file(name: string, content: string | Buffer): string {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

/** Runs the command line as main does. */
async function run(...args: string[]) {
  const parsed = parseCall(['import', ...args]);
  if (!parsed.ok || parsed.call.command !== 'import') throw new Error('not an import');
  const said = { stdout: '', stderr: '' };
  const status = await importCommand(parsed.call, {
    stdout: { write: (text) => (said.stdout += text) },
    stderr: { write: (text) => (said.stderr += text) },
  });
  return { status, ...said };
}

describe('import', () => {
  it('prints a policy, says the rest on standard error too, and fails when it did not understand a line', async () => {
    const conf = file('a.conf', 'TCP_PORTS="1,2"\nRESOLVE_HOST="0"\n');
    const good = await run(conf, file('a.ignore', '192.0.2.0/24'));
    expect(parsePolicy(good.stdout, 'x').allow.sources).toEqual([{ kind: 'cidr', cidr: '192.0.2.0/24' }]);
    expect(good).toMatchObject({
      status: 0,
      stderr: expect.stringContaining(`- ${conf}:2: RESOLVE_HOST="0"`),
    });
    const odd = await run(file('b.conf', 'TCP_PORTS="1,2"\nodd\n'));
    expect(odd).toMatchObject({ status: 1, stderr: expect.stringContaining('b.conf:2: odd') });
  });

  it("tells Debian's start file from an ignore list by what it holds", async () => {
    const start = file('default', '# x\nTCP_MODE="atcp"\n');
    const { stdout } = await run(file('c.conf', ''), start, file('c.ignore', '203.0.113.51'));
    expect(stdout).toContain('\ntcp = "0-1023"\n');
    expect(stdout).toContain('"203.0.113.51/32"');
  });

  it('reads the list that the conf names, or what Debian makes it from, or says that it could not', async () => {
    const ignore = join(folder, 'made.ignore');
    const conf = file('d.conf', `IGNORE_FILE="${ignore}"`);
    expect(await run(conf)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('cannot be read (ENOENT)'),
    });
    file('made.ignore.static', '203.0.113.51');
    expect((await run(conf)).stdout).toContain('"203.0.113.51/32"');
    file('made.ignore', '203.0.113.52');
    expect((await run(conf)).stdout).toContain('"203.0.113.52/32"');
  });

  it('writes a file, and over one that is there only when forced', async () => {
    const [conf, out] = [file('e.conf', 'SCAN_TRIGGER="3"'), join(folder, 'picket.toml')];
    expect((await run(conf, '--out', out)).stdout).toBe('');
    expect(readFileSync(out, 'utf8')).toContain('ports = 4');
    await expect(run(conf, '--out', out)).rejects.toThrow(
      `${out}: it is there already; --force overwrites it`,
    );
    expect((await run(conf, '--out', out, '--force')).status).toBe(0);
  });

  it.each([
    ['/nonexistent/portsentry.conf', '/nonexistent/portsentry.conf: cannot be read (ENOENT)'],
    ['/', '/: cannot be read (EISDIR)'],
    [file('binary', Buffer.from('a\nb\0c')), 'binary:2: not a text file (it holds a NUL byte)'],
    [file('large', Buffer.alloc(1_048_577, 'a')), 'large: larger than 1 MiB'],
  ])('refuses %j', async (name, words) => {
    await expect(run(name)).rejects.toThrow(words);
  });

  it('reads files of before UTF-8', async () => {
    const { stdout } = await run(file('f.conf', Buffer.from('PORT_BANNER="caf\xe9"', 'latin1')));
    expect(parsePolicy(stdout, 'x').connect.banner).toBe('café');
  });
});

it.each([
  [['import'], 'import: which portsentry.conf?'],
  [['import', 'x', '--tcp-mode', 'fast'], 'import: --tcp-mode "fast": must be one of tcp, stcp, atcp'],
  [['import', 'x', '--interface', 'a b'], 'import: --interface "a b": must be an interface name'],
  [['import', 'x', '--config', 'y'], "import: Unknown option '--config'"],
])('refuses %j and says why', (args, reason) => {
  expect(parseCall(args)).toEqual({ ok: false, reason: expect.stringContaining(reason) });
});
