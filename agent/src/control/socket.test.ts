import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createLog, SILENT_LOG } from '../report/log.ts';
import { askAgent } from './client.ts';
import { type ControlSocket, controlPath, openControlSocket } from './socket.ts';

let folder: string;
let path: string;
let open: (ControlSocket | undefined)[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'picket-control-'));
  path = controlPath(folder);
  open = [];
});
afterEach(async () => {
  await Promise.all(open.map((socket) => socket?.close()));
  await rm(folder, { recursive: true });
});

async function listen(): Promise<ControlSocket | undefined> {
  const socket = await openControlSocket(path, SILENT_LOG);
  open.push(socket);
  return socket;
}

const ask = (startingMs = 0) =>
  askAgent({
    path,
    startingMs,
    method: 'GET',
    route: '/v1/x?a=1',
    schema: z.object({ route: z.string(), a: z.string() }),
  });

describe('the control socket', () => {
  it('answers only its owner', async () => {
    const socket = await listen();
    socket?.serve(async ({ route, query }) => ({ status: 200, body: { route, a: query.get('a') } }));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await ask()).toEqual({ ok: true, value: { route: 'GET /v1/x', a: '1' } });
  });

  it('tells whoever asks before the agent is ready to wait', async () => {
    await listen();
    expect(await ask()).toEqual({ ok: false, kind: 'refused', why: expect.stringContaining('is starting') });
  });

  it('is asked again until the agent is ready', async () => {
    const socket = await listen();
    const asked = ask(20_000);
    expect(await ask()).toMatchObject({ kind: 'refused' });
    socket?.serve(async () => ({ status: 200, body: { route: 'x', a: '' } }));
    expect(await asked).toEqual({ ok: true, value: { route: 'x', a: '' } });
  });

  it('refuses a request that names no path', async () => {
    const socket = await listen();
    socket?.serve(async () => ({ status: 200, body: { route: '', a: '' } }));
    for (const route of ['*', '.other/x']) {
      const asked = await askAgent({ path, method: 'GET', route, schema: z.unknown() });
      expect(asked).toEqual({ ok: false, kind: 'refused', why: expect.stringMatching('no path|HTTP 400') });
    }
  });

  it('does not let idle connections shut others out for long', { timeout: 20_000 }, async () => {
    const socket = await listen();
    socket?.serve(async () => ({ status: 200, body: { route: 'x', a: '' } }));
    const idle = Array.from({ length: 16 }, () => connect(path));
    await expect.poll(async () => (await ask()).ok, { timeout: 15_000, interval: 500 }).toBe(true);
    for (const each of idle) each.destroy();
  });

  it('is never taken from a live agent', async () => {
    const first = await listen();
    first?.serve(async () => ({ status: 200, body: { route: 'first', a: '' } }));
    await expect(listen()).rejects.toMatchObject({ code: 'agent_runs' });
    expect(await ask()).toMatchObject({ value: { route: 'first' } });
  });

  it('belongs to exactly one of two agents that start at once over a dead one’s', async () => {
    await leaveDeadSocket(path);
    const tries = await Promise.allSettled([listen(), listen()]);
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await ask()).toMatchObject({ kind: 'refused' });
  });

  it('bounds what is sent to it', async () => {
    const socket = await listen();
    socket?.serve(async () => ({ status: 200, body: {} }));
    const status = await new Promise((resolve) => {
      const sent = request({ socketPath: path, method: 'POST', path: '/v1/pause' }, (reply) =>
        resolve(reply.resume().statusCode),
      );
      sent.end('x'.repeat(5_000));
    });
    expect(status).toBe(413);
  });

  it('outlives a fault of its handler', async () => {
    const socket = await listen();
    socket?.serve(async () => {
      throw new Error('a bug');
    });
    expect(await ask()).toMatchObject({ kind: 'refused', why: expect.stringContaining('see its log') });
    expect(await ask()).toMatchObject({ kind: 'refused' });
  });

  it('is left out with a warning where its path is too long for a socket', async () => {
    const lines: string[] = [];
    const log = createLog({ level: 'warn', json: false, write: (line) => lines.push(line) });
    const deep = join(folder, 'x'.repeat(100));
    await mkdir(deep);
    expect(await openControlSocket(controlPath(deep), log)).toBeUndefined();
    expect(lines).toHaveLength(1);
  });
});

describe('whoever asks', () => {
  it.each([
    ['there is no socket', async () => {}],
    ['the agent that made the socket is gone', async () => leaveDeadSocket(path)],
  ])('hears that no agent runs when %s', async (_, prepare) => {
    await prepare();
    expect(await ask()).toMatchObject({ kind: 'none', why: expect.stringContaining('no agent runs') });
  });

  it('does not believe an answer of another form', async () => {
    const socket = await listen();
    socket?.serve(async () => ({ status: 200, body: { else: 1 } }));
    expect(await ask()).toMatchObject({ kind: 'failed' });
  });
});

/** A socket whose owner was killed: the file stays. */
async function leaveDeadSocket(at: string): Promise<void> {
  const script = `require('net').createServer().listen(${JSON.stringify(at)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script]);
  expect((await stat(at)).isSocket()).toBe(true);
}
