import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { LookupFunction } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createHttpClient, type HttpClient, type HttpResult } from './http.ts';
import {
  type Authority,
  type Listening,
  lookup,
  makeAuthority,
  serveProxy,
  serveTls,
  TLS_NAME,
} from './testing-tls.ts';
import { tlsTrust } from './tls-trust.ts';

let folder: string;
let ours: Authority;
let theirs: Authority;
const open: { close(): Promise<unknown> }[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'picket-tls-'));
  ours = await makeAuthority(folder, 'ours');
  theirs = await makeAuthority(folder, 'theirs');
});
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function opened<T extends { close(): Promise<unknown> }>(what: T): T {
  open.push(what);
  return what;
}

async function server(days = 2): Promise<Listening> {
  return opened(await serveTls(await ours.issue(days), (_request, response) => response.end('here')));
}

async function client(caFile?: string, more: { proxy?: URL; connectMs?: number } = {}): Promise<HttpClient> {
  return opened(createHttpClient({ trust: await tlsTrust(caFile), caFile, lookup, ...more }));
}

const get = (http: HttpClient, port: number, name = TLS_NAME): Promise<HttpResult> =>
  http.call({ url: `https://${name}:${port}/`, limitMs: 10_000, maxBytes: 100 });

const reasonOf = (result: HttpResult): string => (result.ok ? `HTTP ${result.reply.status}` : result.reason);

describe('a collector with a certificate of a private authority', () => {
  it('is reached when its authority is in uplink.ca_file', async () => {
    const { port } = await server();
    expect(await get(await client(ours.file), port)).toMatchObject({ ok: true, reply: { body: 'here' } });
  });

  it('is reached when the system trusts its authority, without a setting', async () => {
    const { port } = await server();
    const trust = await tlsTrust(undefined, [join(folder, 'not-there'), ours.file]);
    expect(await get(opened(createHttpClient({ trust, lookup })), port)).toMatchObject({ ok: true });
  });

  it('is refused under another authority, and the file to mend is named', async () => {
    const { port } = await server();
    expect(reasonOf(await get(await client(theirs.file), port))).toContain(
      `none of the authorities in ${theirs.file} (uplink.ca_file)`,
    );
  });

  it('is refused without a setting, and the setting is named', async () => {
    const { port } = await server();
    expect(reasonOf(await get(await client(), port))).toContain('name the file of the authority');
  });

  it('is refused once its certificate has expired, and the clock of the host is told beside it', async () => {
    const { port } = await server(-1);
    expect(reasonOf(await get(await client(ours.file), port))).toMatch(
      /certificate has expired: renew it, or set the clock of this host \(it says 20\d\d-/,
    );
  });

  it('is refused under another name', async () => {
    const { port } = await server();
    expect(reasonOf(await get(await client(ours.file), port, 'other.test'))).toContain('for another name');
  });
});

describe('a file of authorities', () => {
  it.each([
    ['is not there', undefined, 'it cannot be read (ENOENT)'],
    ['holds none', 'no PEM', 'it holds no certificate in PEM form'],
    [
      'is damaged',
      '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
      'one of its certificates is damaged',
    ],
  ])('that %s is refused by name', async (name, text, why) => {
    const path = join(folder, `${name}.pem`);
    if (text !== undefined) await writeFile(path, text);
    await expect(tlsTrust(path)).rejects.toMatchObject({
      code: 'ERR_CA_FILE',
      message: `${path} (uplink.ca_file): ${why}`,
    });
  });
});

describe('a proxy', () => {
  const PROXY_AUTH = `Basic ${Buffer.from('host a:p@ss').toString('base64')}`;
  const proxyUrl = (port: number, user = '') => new URL(`http://${user}127.0.0.1:${port}`);

  it('is asked for a tunnel with user and password, and the collector is judged by its own certificate', async () => {
    const { port } = await server();
    const proxy = opened(await serveProxy(({ authorization }) => (authorization === PROXY_AUTH ? 200 : 407)));
    const http = await client(ours.file, { proxy: proxyUrl(proxy.port, 'host%20a:p%40ss@') });
    expect(await get(http, port)).toMatchObject({ ok: true, reply: { body: 'here' } });
    expect(proxy.tunnels).toEqual([{ target: `${TLS_NAME}:${port}`, authorization: PROXY_AUTH }]);
    const wrong = await client(theirs.file, { proxy: proxyUrl(proxy.port, 'host%20a:p%40ss@') });
    expect(reasonOf(await get(wrong, port))).toContain('uplink.ca_file');
  });

  it.each([
    [407, 'the proxy wants another user and password'],
    [403, 'the proxy refuses the way to it (HTTP 403)'],
  ] as const)('that answers %i is told', async (status, why) => {
    const proxy = opened(await serveProxy(() => status));
    expect(reasonOf(await get(await client(ours.file, { proxy: proxyUrl(proxy.port) }), 9))).toContain(why);
  });

  it('that never answers holds no connection for long', async () => {
    let hangs = true;
    const { port } = await server();
    const proxy = opened(await serveProxy(() => (hangs ? 'hang' : 200)));
    const http = await client(ours.file, { proxy: proxyUrl(proxy.port), connectMs: 1_500 });
    const call = () => http.call({ url: `https://${TLS_NAME}:${port}/`, limitMs: 500, maxBytes: 100 });
    for (let i = 0; i < 12; i++) expect((await call()).ok).toBe(false);
    hangs = false;
    await expect.poll(async () => (await get(http, port)).ok, { timeout: 20_000 }).toBe(true);
  });
});

describe('a collector whose name gets another address', () => {
  it('is found there once connections to the old one are gone', async () => {
    let address = '127.0.0.1';
    const moving: LookupFunction = (_name, { all }, callback) =>
      all ? callback(null, [{ address, family: 4 }]) : callback(null, address, 4);
    const pair = await ours.issue(2);
    const old = await serveTls(pair, (_request, response) => response.end('old'));
    const http = opened(createHttpClient({ trust: await tlsTrust(ours.file), lookup: moving }));
    expect(await get(http, old.port)).toMatchObject({ reply: { body: 'old' } });
    const at = { host: '127.0.0.2', port: old.port };
    opened(await serveTls(pair, (_request, response) => response.end('new'), at));
    address = '127.0.0.2';
    await old.close();
    const body = async () => {
      const result = await get(http, old.port);
      return result.ok ? result.reply.body : result.reason;
    };
    await expect.poll(body, { timeout: 15_000 }).toBe('new');
  });
});
