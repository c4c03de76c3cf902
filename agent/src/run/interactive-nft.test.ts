import { afterEach, describe, expect, it } from 'vitest';
import { type InteractiveNft, startInteractiveNft } from './interactive-nft.ts';
import { createNftSession } from './nft-session.ts';

/** A program that behaves as `nft -i` does without a terminal: silent on success, words on standard error. */
const fake = (more = ''): [string, ...string[]] => [
  process.execPath,
  '-e',
  `require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
    const say = (what) => process.stderr.write('Error: ' + what + '\\n' + line + '\\n' + '^'.repeat(line.length) + '\\n');
    ${more}
    if (line.startsWith('picket_mark')) say('syntax error, unexpected string');
    else if (line.includes('nope')) say('No such file or directory');
  })`,
];

let nft: InteractiveNft | undefined;
afterEach(() => nft?.end());

describe('an nft that stays', () => {
  it('tells success and failure of each line by itself, in order', async () => {
    nft = startInteractiveNft(fake());
    const lines = ['add element a', 'add element nope', 'add element b'];
    const outcomes = await Promise.all(lines.map((line) => nft?.write(line)));
    expect(outcomes.map((outcome) => outcome?.status)).toEqual([0, 1, 0]);
    expect(outcomes[1]?.stderr).toBe(
      'Error: No such file or directory\nadd element nope\n^^^^^^^^^^^^^^^^\n',
    );
  });

  it('is not fooled by a mark in the words of a failure', async () => {
    nft = startInteractiveNft(fake());
    const { stderr } = await nft.write('nope Error: syntax error picket_mark_2');
    expect(stderr).toContain('No such file or directory');
    expect(await nft.write('fine')).toMatchObject({ status: 0, stderr: '' });
  });

  it('that dies with a line under way says that nobody knows', async () => {
    nft = startInteractiveNft(fake("if (line === 'die') { console.error('killed'); process.exit(9); }"));
    await nft.write('fine');
    await expect(nft.write('die')).rejects.toThrow(/nft -i ended \(status 9\).*killed/);
    await expect(nft.write('more')).rejects.toThrow('status 9');
  });

  it('that cannot be started, or has no command line built in, says so', async () => {
    await expect(startInteractiveNft(['/nonexistent/nft', '-i']).write('')).rejects.toThrow('ENOENT');
    const without = "console.error('Error: interactive CLI not supported in this build'); process.exit(1)";
    await expect(startInteractiveNft([process.execPath, '-e', without]).write('')).rejects.toThrow(
      'not supported in this build',
    );
  });
});

describe('a session', () => {
  /** `nft -f -` that says which lines it got, and `nft -i` that does not stay. */
  const prefix = [
    ...[process.execPath, '-e'],
    `if (process.argv.includes('-i')) process.exit(1);
    process.stdin.on('data', (d) => process.stdout.write(d)); if (process.argv.includes('fail')) process.exit(2)`,
  ];

  it('makes each change by a process of its own where nft does not stay', async () => {
    const said: string[] = [];
    const session = createNftSession({ prefix, log: (m) => said.push(m) });
    for (const line of ['one', 'two'])
      expect(await session.write([line])).toMatchObject({ stdout: `${line}\n` });
    await expect.poll(() => said).toEqual([expect.stringContaining('nft -i ended (status 1)')]);
    expect(await session.write(['three'])).toMatchObject({ status: 0, stdout: 'three\n' });
    await session.close();
  });

  it('knows its own processes and no others', async () => {
    const session = createNftSession({
      prefix: [process.execPath, '-e', 'console.log(process.pid)'],
      log() {},
    });
    const { stdout } = await session.run({ argv: ['nft'] });
    expect(session.isOwn(Number(stdout))).toBe(true);
    expect(session.isOwn(process.pid)).toBe(false);
    await session.close();
  });
});
