import { describe, expect, test } from 'vitest';
import { isPlainToOthers, readConfig, type Surroundings } from './config.ts';

const USER: Surroundings = { isRoot: false, homeDir: '/home/pat', hostName: 'box' };

const read = (env: Record<string, string>) => readConfig(env, USER);

describe('a configuration', () => {
  test('needs no variable at all', () => {
    expect(read({})).toEqual({
      ok: true,
      config: {
        listen: { host: '127.0.0.1', port: 8440 },
        metricsListen: undefined,
        trustedProxies: ['127.0.0.0/8', '::1'],
        limits: 'memory',
        publicUrl: 'http://127.0.0.1:8440',
        databaseUrl: undefined,
        dataDir: '/home/pat/.local/share/picket-collector',
        retentionMs: 90 * 86_400_000,
        smtpUrl: undefined,
        outboxDir: '/home/pat/.local/share/picket-collector/outbox',
        mailFrom: 'picket@box',
        logLevel: 'info',
        installScript: undefined,
        agentFile: undefined,
      },
    });
  });

  test('takes an empty variable for none', () => {
    expect(read({ DATABASE_URL: '', PICKET_LISTEN: '', SMTP_URL: '' })).toEqual(read({}));
  });

  test('has a system folder for root', () => {
    expect(readConfig({}, { ...USER, isRoot: true })).toMatchObject({
      config: { dataDir: '/var/lib/picket-collector' },
    });
  });

  test.each([
    ['0.0.0.0:80', { host: '0.0.0.0', port: 80 }],
    ['[::1]:8440', { host: '::1', port: 8440 }],
    ['localhost:0', { host: 'localhost', port: 0 }],
  ])('listens on %s', (text, listen) => {
    expect(read({ PICKET_LISTEN: text })).toMatchObject({ ok: true, config: { listen } });
  });

  test('believes the proxies that it names, or none', () => {
    const proxies = (text: string) => read({ PICKET_TRUSTED_PROXIES: text });
    expect(proxies('192.0.2.7, 2001:db8::/32')).toMatchObject({
      config: { trustedProxies: ['192.0.2.7', '2001:db8::/32'] },
    });
    expect(proxies('none')).toMatchObject({ config: { trustedProxies: [] } });
  });

  test.each([
    ['https://picket.example.org/', 'https://picket.example.org'],
    ['http://[2001:db8::1]:8440', 'http://[2001:db8::1]:8440'],
    ['https://example.org/picket', 'https://example.org/picket'],
  ])('is reached under %s', (text, publicUrl) => {
    expect(read({ PICKET_PUBLIC_URL: text })).toMatchObject({ ok: true, config: { publicUrl } });
  });

  test.each([
    ['PICKET_RETENTION', '30d'],
    ['PICKET_RETENTION', '3654d'],
    ['PICKET_RETENTION', '90'],
    ['PICKET_LISTEN', '8440'],
    ['PICKET_LISTEN', 'a:99999'],
    ['PICKET_LISTEN', '[fe80::1%eth0]:1'],
    ['PICKET_METRICS_LISTEN', '9464'],
    ['PICKET_TRUSTED_PROXIES', '10.0.0.1/8'],
    ['PICKET_TRUSTED_PROXIES', 'proxy.example.org'],
    ['PICKET_TRUSTED_PROXIES', '192.0.2.1,'],
    ['PICKET_LIMITS', 'redis'],
    ['PICKET_PUBLIC_URL', 'picket.example.org'],
    ['PICKET_PUBLIC_URL', 'ftp://example.org'],
    ['PICKET_PUBLIC_URL', "https://example.org/'$(id)'"],
    ['PICKET_PUBLIC_URL', 'https://example.org/?a=b'],
    ['PICKET_PUBLIC_URL', 'https://example.org/a b'],
    ['DATABASE_URL', 'mysql://localhost/x'],
    ['SMTP_URL', 'mail.example.org'],
    ['PICKET_DATA_DIR', 'data'],
    ['PICKET_OUTBOX_DIR', './out'],
    ['PICKET_MAIL_FROM', 'picket'],
    ['PICKET_MAIL_FROM', 'a@b\nBcc: c@d'],
    ['LOG_LEVEL', 'loud'],
  ])('is refused with %s="%s", by name and value', (name, value) => {
    const result = read({ [name]: value });
    expect(result).toEqual({
      ok: false,
      problems: [expect.stringMatching(new RegExp(`^${name}=".*": must be `, 's'))],
    });
  });

  test('is refused with all its problems at once, and no password among them', () => {
    const result = read({
      SMTP_URL: 'http://u:secret@mail',
      PICKET_LISTEN: 'x',
      DATABASE_URL: 'x://u:secret@db?p=secret',
    });
    expect(result.ok).toBe(false);
    const text = result.ok ? '' : result.problems.join('\n');
    expect(text).toMatch(
      /PICKET_LISTEN="x"[\s\S]*DATABASE_URL="x:\/\/\*\*\*@db\?\*\*\*"[\s\S]*SMTP_URL="http:\/\/\*\*\*@mail"/,
    );
    expect(text).not.toContain('secret');
  });
});

test.each([
  ['http://127.0.0.1:8440', false],
  ['http://localhost', false],
  ['http://[::1]:1', false],
  ['https://picket.example.org', false],
  ['http://192.0.2.1', true],
])('%s is plain to other machines: %s', (url, isPlain) => {
  expect(isPlainToOthers(url)).toBe(isPlain);
});
