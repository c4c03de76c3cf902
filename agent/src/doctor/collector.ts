import { pinnedKeyOf } from '../uplink/collector-key.ts';
import type { Enrolment } from '../uplink/enrolment.ts';
import { refusedUrl } from '../uplink/enrolment.ts';
import { type ClockOffset, offsetOf } from './clock.ts';
import { type Finding, findings } from './finding.ts';

const { ok, note, wrong } = findings('collector');

/** One step on the way to the collector: what it gave, or in words why it failed. */
export type Step<T> = { ok: true; value: T } | { ok: false; why: string };

/** What a server answered to a GET. */
export interface Answer {
  readonly status: number;
  readonly date: string | undefined;
  readonly body: string;
  readonly sentMs: number;
  readonly receivedMs: number;
}

/** The way to a collector, step by step. Each step has a time limit. */
export interface Way {
  resolve(name: string): Promise<Step<readonly string[]>>;
  connect(host: string, port: number): Promise<Step<void>>;
  /** A TLS handshake with all checks of certificate and name. */
  handshake(host: string, port: number): Promise<Step<string>>;
  get(url: string): Promise<Step<Answer>>;
}

/** What is known of the collector on this host. */
export interface CollectorFacts {
  readonly enrolment: Enrolment | undefined;
  /** Thumbprint of this host's key; undefined when it may not be read. */
  readonly hostKey: string | undefined;
  readonly allowInsecureHttp: boolean;
  /** Proxy that all goes through: then the way to it is what this host has. */
  readonly proxy?: URL | undefined;
  readonly way: Way;
}

/** What was found on the way, and what its clock says. */
export interface CollectorResult {
  readonly findings: readonly Finding[];
  readonly offset: ClockOffset | undefined;
}

/** Whether the collector of this host can be reached, and whether it is the one whose key is pinned. */
export async function checkCollector(facts: CollectorFacts): Promise<CollectorResult> {
  const { enrolment, hostKey, allowInsecureHttp, proxy, way } = facts;
  if (enrolment === undefined)
    return alone(note('this host is not enrolled: it runs alone', 'picket-agent enroll joins a network'));
  const { url, networkName } = enrolment;
  const insecure = refusedUrl(url, allowInsecureHttp);
  if (insecure !== undefined) return alone(wrong(insecure, 'use a collector with https'));
  const key =
    hostKey === undefined || hostKey === enrolment.hostKey
      ? [ok(`enrolled in "${networkName}" at ${url}`)]
      : [
          wrong(
            'the key of this host is not the one that was enrolled: it runs alone',
            'enrol it again: picket-agent enroll',
          ),
        ];
  const reached = await reach(proxy ?? new URL(url), way, proxy !== undefined);
  if (reached.some(({ grade }) => grade === 'wrong'))
    return { findings: [...key, ...reached], offset: undefined };
  const { findings: asked, offset } = await ask(enrolment, way);
  return { findings: [...key, ...reached, ...asked], offset };
}

const alone = (finding: Finding): CollectorResult => ({ findings: [finding], offset: undefined });

/** DNS, TCP, TLS: ends at the first that fails. */
async function reach(url: URL, way: Way, isProxy: boolean): Promise<Finding[]> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const isSecure = url.protocol === 'https:';
  const port = Number(url.port || (isSecure ? 443 : 80));
  const resolved = await way.resolve(host);
  if (!resolved.ok)
    return [
      wrong(
        `the name ${host} cannot be resolved: ${resolved.why}`,
        'look at /etc/resolv.conf and the name; blocks go on with what was known',
      ),
    ];
  const found = ok(`${host} is ${resolved.value.slice(0, 4).join(', ')}`);
  const connected = await way.connect(host, port);
  if (!connected.ok)
    return [
      found,
      wrong(
        `no connection to ${host} port ${port}: ${connected.why}`,
        'is the collector up, and does a firewall on the way let this host through?',
      ),
    ];
  if (!isSecure && isProxy) return [found, ok(`the proxy on ${host} port ${port} takes connections`)];
  if (!isSecure) return [found, note(`${url.origin} is plain http: what is reported can be read on the way`)];
  const secured = await way.handshake(host, port);
  return secured.ok
    ? [found, ok(`TLS to ${host} port ${port}: ${secured.value}`)]
    : [
        found,
        wrong(
          `TLS to ${host} port ${port} fails: ${secured.why}`,
          "look at the certificate of the proxy before the collector, at uplink.ca_file for a private authority, and at this host's clock",
        ),
      ];
}

/** HTTP: whether a collector answers, and whether it has the pinned key. */
async function ask({ url, thumbprint }: Enrolment, way: Way): Promise<CollectorResult> {
  const health = await way.get(`${url}/healthz`);
  if (!health.ok) return alone(wrong(`the collector does not answer: ${health.why}`, 'look at its log'));
  const { status, date, sentMs, receivedMs } = health.value;
  const offsetMs = offsetOf(date, sentMs, receivedMs);
  const offset = offsetMs === undefined ? undefined : { offsetMs, isSigned: false };
  if (status !== 200)
    return {
      findings: [
        wrong(`${url}/healthz answers ${status}`, 'does the proxy lead to the collector? look at both logs'),
      ],
      offset,
    };
  const keys = await way.get(`${url}/.well-known/jwks.json`);
  const pinned = keys.ok ? await pinnedKeyOf(keys.value.body, thumbprint) : undefined;
  if (pinned?.ok === true) return { findings: [ok('the collector answers, and has the pinned key')], offset };
  const why = keys.ok ? 'its keys do not have the one that this host was enrolled with' : keys.why;
  return {
    findings: [
      wrong(
        `whoever answers at ${url} is not the collector of this host: ${why}`,
        'if the collector was set up anew, enrol this host again with a join key; else somebody is in between',
      ),
    ],
    offset,
  };
}
