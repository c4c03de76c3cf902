import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../uplink/testing.ts';
import { SILENT_LOG } from './log.ts';
import { type LineSink, openSyslog, type SyslogOptions } from './syslog.ts';

let folder: string;
let sink: LineSink;
let stderr: string[];
let socket: Server;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'picket-syslog-'));
  stderr = [];
  socket = createServer();
  await new Promise<void>((resolve) => socket.listen(join(folder, 'log'), resolve));
});

afterEach(async () => {
  await sink.close();
  socket.close();
  await rm(folder, { recursive: true, force: true });
});

/** A stand-in for `logger` that runs a shell script, with the output file as `$OUT`. */
async function standIn(script: string): Promise<string> {
  const path = join(folder, 'logger');
  await writeFile(path, `#!/bin/sh\nOUT=${folder}/out\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

function start(options: Partial<SyslogOptions>): void {
  sink = openSyslog({
    ...{ log: SILENT_LOG, pid: 123, retryMs: () => 5 },
    writeStderr: (line) => stderr.push(line),
    socketPath: join(folder, 'log'),
    ...options,
  });
}

const written = async (): Promise<string[]> =>
  (await readFile(join(folder, 'out'), 'utf8').catch(() => '')).split('\n').filter(Boolean);

describe('the system log', () => {
  it('is written by one child that lives on', async () => {
    start({ logger: await standIn('echo "$@" >> $OUT; exec cat >> $OUT') });
    sink.write('attackalert: one');
    await eventually(written).toHaveLength(2);
    sink.write('attackalert: two');
    const lines = ['-t portsentry[123] -p daemon.notice', 'attackalert: one', 'attackalert: two'];
    await eventually(written).toEqual(lines);
    expect(stderr).toEqual([]);
  });

  it('gets all lines when the agent ends', async () => {
    start({ logger: await standIn('exec cat >> $OUT') });
    for (let i = 0; i < 500; i++) sink.write(`line ${i}`);
    await sink.close();
    expect(await written()).toHaveLength(500);
  });

  it('gets lines again when the child was ended', async () => {
    start({ logger: await standIn('read line; echo "$line" >> $OUT; exit 3') });
    await eventually(async () => {
      sink.write('line');
      return (await written()).length;
    }).toBeGreaterThan(2);
  });

  it('cannot be made to hold a second line or a long one', async () => {
    start({ logger: await standIn('exec cat >> $OUT') });
    sink.write(`attackalert: a\nadminalert: forged ${'x'.repeat(5000)}`);
    await sink.close();
    const lines = await written();
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^attackalert: a\\x0aadminalert: forged x+$/);
    expect(lines[0]?.length).toBeLessThanOrEqual(900);
  });

  it('is bounded while the child does not read, and says what was lost', async () => {
    start({ logger: await standIn('read first; sleep 0.4; exec cat >> $OUT') });
    for (let i = 0; i < 5000; i++) sink.write('x'.repeat(900));
    await eventually(async () => (await written()).at(-1)).toMatch(/^adminalert: and \d+ more/);
  });

  it.each<[string, Partial<SyslogOptions>]>([
    ['there is no socket', { socketPath: '/nonexistent/log' }],
    ['there is no logger', { logger: '/nonexistent/logger' }],
  ])('is standard error when %s', async (_, options) => {
    start(options);
    sink.write('attackalert: one');
    await eventually(() => stderr).toEqual(['<5>portsentry[123]: attackalert: one']);
    sink.write('attackalert: two');
    await eventually(() => stderr).toHaveLength(2);
  });

  it('is standard error once the child ends again and again', async () => {
    start({ logger: await standIn('exit 1') });
    sink.write('attackalert: one');
    await eventually(() => {
      sink.write('x');
      return stderr.length;
    }).toBeGreaterThan(0);
  });
});
