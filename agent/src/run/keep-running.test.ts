import { afterEach, describe, expect, it } from 'vitest';
import { type KeptChild, keepRunning } from './keep-running.ts';
import { type ListeningCommand, startListening } from './listening-child.ts';

/** A child that says that it listens, then does what the script says. */
const command = (script: string, more: Partial<ListeningCommand> = {}): ListeningCommand => ({
  argv: [process.execPath, '-e', `console.error('listening'); ${script}`],
  ready: /listening/,
  onData() {},
  ...more,
});
const FOREVER = 'setInterval(() => {}, 1000);';

describe('a child that listens', () => {
  it('gives its output and its words, and ends when asked', async () => {
    const [data, words]: [string[], string[]] = [[], []];
    const child = await startListening(
      command(`process.stdout.write('abc'); ${FOREVER}`, {
        onData: (chunk) => data.push(Buffer.from(chunk).toString()),
        onWords: (text) => words.push(text),
      }),
    );
    await expect.poll(() => data.join('')).toBe('abc');
    expect(words.join('')).toBe('listening\n');
    await child.stop();
    expect(await child.ended).toBe('SIGTERM: listening');
  });

  it('that ends instead is told with its own words', async () => {
    const argv = [process.execPath, '-e', "console.error('no such device'); process.exit(1)"] as const;
    await expect(startListening({ ...command(''), argv })).rejects.toThrow(
      /does not listen: status 1: no such device/,
    );
    const missing = ['/nonexistent/tcpdump'] as const;
    await expect(startListening({ ...command(''), argv: missing })).rejects.toThrow('ENOENT');
  });

  it('that does not obey is ended by force', async () => {
    const child = await startListening(
      command(`process.on('SIGTERM', () => {}); console.error('deaf'); ${FOREVER}`, { ready: /deaf/ }),
    );
    await child.stop();
    expect(await child.ended).toContain('SIGKILL');
  });
});

describe('a child that is kept', () => {
  let kept: KeptChild | undefined;
  afterEach(() => kept?.stop());

  it('is started again when it dies, and that is said', async () => {
    const said: string[] = [];
    const start = () => startListening(command(FOREVER));
    kept = await keepRunning(start, { name: 'the child', log: (m) => said.push(m) });
    const first = kept.current;
    first?.kill('SIGKILL');
    await expect.poll(() => kept?.current !== undefined && kept.current !== first).toBe(true);
    expect(said).toEqual([expect.stringContaining('the child ended (SIGKILL')]);
  });

  it('is not tried again when it could not even begin, and is left alone once stopped', async () => {
    let starts = 0;
    const start = () => {
      starts++;
      return startListening(command(starts === 1 ? 'process.exit(3)' : FOREVER, { ready: /never/ }));
    };
    await expect(keepRunning(start, { name: 'it', log() {} })).rejects.toThrow('status 3');
    expect(starts).toBe(1);
    const again = await keepRunning(() => startListening(command(FOREVER)), { name: 'it', log() {} });
    await again.stop();
    await expect(again.current?.ended).resolves.toContain('SIGTERM');
  });
});
