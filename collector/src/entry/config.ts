import { isAbsolute, join } from 'node:path';
import { MAX_RETENTION_MS, MIN_RETENTION_MS, RETENTION_MS } from '@picket/db';
import type { Cidr } from '@picket/protocol';
import {
  type Check,
  checkAddress,
  checkDatabaseUrl,
  checkListen,
  checkNetworks,
  checkPublicUrl,
  checkSmtpUrl,
  checkWord,
} from './check.ts';

/** Levels of pino that can be asked for. */
const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** Where limits can be counted. */
const LIMITS = ['memory', 'postgres'] as const;

/** All that the collector and its command line are told from outside. */
export interface Config {
  readonly listen: { readonly host: string; readonly port: number };
  /** Where `/metrics` is served; undefined: nowhere. */
  readonly metricsListen: Config['listen'] | undefined;
  /** Whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly Cidr[];
  /** Where spent limits are kept: in this process, or in the database for all replicas. */
  readonly limits: (typeof LIMITS)[number];
  /** Base URL under which hosts reach the collector, without a slash at the end. */
  readonly publicUrl: string;
  /** Undefined: the private PostgreSQL in `dataDir`. */
  readonly databaseUrl: string | undefined;
  readonly dataDir: string;
  /** How long batches and sightings are kept, ms. */
  readonly retentionMs: number;
  /** Undefined: mails become files in `outboxDir`. */
  readonly smtpUrl: string | undefined;
  readonly outboxDir: string;
  readonly mailFrom: string;
  readonly logLevel: (typeof LOG_LEVELS)[number];
  /** Undefined: beside the bundle, or where the source tree has them. */
  readonly installScript: string | undefined;
  readonly agentFile: string | undefined;
}

/** What the defaults depend on. */
export interface Surroundings {
  readonly isRoot: boolean;
  readonly homeDir: string;
  readonly hostName: string;
}

export type ConfigResult = { ok: true; config: Config } | { ok: false; problems: readonly string[] };

/**
 * Reads the configuration from environment variables. An empty variable is as good as none, as in environment files.
 * All problems are told at once; each names the variable, its value and what is allowed.
 */
export function readConfig(
  env: Readonly<Record<string, string | undefined>>,
  { isRoot, homeDir, hostName }: Surroundings,
): ConfigResult {
  const problems: string[] = [];
  const read = <T>(name: string, standard: string, check: Check<T>): T | undefined => {
    const text = env[name] || standard;
    const checked = check(text);
    if (checked.ok) return checked.value;
    problems.push(`${name}="${checked.shown ?? text}": ${checked.allowed}`);
    return undefined;
  };
  const optional = <T>(name: string, check: Check<T>) => (env[name] ? read(name, '', check) : undefined);
  const dataDir = read('PICKET_DATA_DIR', standardDataDir(isRoot, homeDir), checkFolder);
  const config: { [Name in keyof Config]: Config[Name] | undefined } = {
    listen: read('PICKET_LISTEN', '127.0.0.1:8440', checkListen),
    metricsListen: optional('PICKET_METRICS_LISTEN', checkListen),
    trustedProxies: read('PICKET_TRUSTED_PROXIES', '127.0.0.0/8,::1', checkNetworks),
    limits: read('PICKET_LIMITS', 'memory', checkWord(LIMITS)),
    publicUrl: read('PICKET_PUBLIC_URL', 'http://127.0.0.1:8440', checkPublicUrl),
    databaseUrl: optional('DATABASE_URL', checkDatabaseUrl),
    dataDir,
    retentionMs: read('PICKET_RETENTION', days(RETENTION_MS), checkRetention),
    smtpUrl: optional('SMTP_URL', checkSmtpUrl),
    outboxDir: read('PICKET_OUTBOX_DIR', join(dataDir ?? '/', 'outbox'), checkFolder),
    mailFrom: read('PICKET_MAIL_FROM', `picket@${hostName}`, checkAddress),
    logLevel: read('LOG_LEVEL', 'info', checkWord(LOG_LEVELS)),
    installScript: optional('PICKET_INSTALL_SCRIPT', checkFolder),
    agentFile: optional('PICKET_AGENT_FILE', checkFolder),
  };
  return problems.length > 0 ? { ok: false, problems } : { ok: true, config: config as Config };
}

function standardDataDir(isRoot: boolean, homeDir: string): string {
  return isRoot ? '/var/lib/picket-collector' : join(homeDir, '.local/share/picket-collector');
}

const DAY_MS = 86_400_000;

const days = (ms: number) => `${ms / DAY_MS}d`;

/** Whole days. Shorter than a batch may be late would let a repeated one count twice. */
const checkRetention: Check<number> = (text) => {
  const value = Number(/^(\d{1,4})d$/.exec(text)?.[1]) * DAY_MS;
  return value >= MIN_RETENTION_MS && value <= MAX_RETENTION_MS
    ? { ok: true, value }
    : { ok: false, allowed: `must be days, from ${days(MIN_RETENTION_MS)} to ${days(MAX_RETENTION_MS)}` };
};

const checkFolder: Check<string> = (text) =>
  isAbsolute(text) ? { ok: true, value: text } : { ok: false, allowed: 'must be an absolute path' };

/** Whether hosts on other machines would reach the collector without TLS. */
export function isPlainToOthers(publicUrl: string): boolean {
  const { protocol, hostname } = new URL(publicUrl);
  return protocol === 'http:' && !/^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname);
}
