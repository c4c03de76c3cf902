import type { Policy } from '../policy/policy.ts';
import type { Log } from '../report/log.ts';
import { pinnedKeyOf } from './collector-key.ts';
import { type Enrolment, refusedUrl } from './enrolment.ts';
import { UplinkError } from './errors.ts';
import type { HttpClient } from './http.ts';

/** The URLs of the one collector, and which of them is called. */
export interface Endpoints {
  /** Base URL to call now. */
  current(): string;
  /**
   * A call to that URL came to nothing by fault of the way or the server: the next in the list is called from now on.
   *
   * @returns whether another is called now, so that a wait which that server asked for means nothing
   */
  failed(url: string): boolean;
  stop(): void;
}

/** What several URLs take. */
export interface EndpointsOptions {
  /** In order of preference; at least one. */
  readonly urls: readonly string[];
  readonly http: HttpClient;
  /** Thumbprint of the collector's key. */
  readonly thumbprint: string;
  readonly log: Log;
  /** How often URLs that are preferred to the one in use are looked at, ms. */
  readonly failBackMs?: number;
}

/** Five minutes: a URL that comes and goes does not make a host change with it. */
const FAIL_BACK_MS = 300_000;

const LIMIT_MS = 10_000;

const MAX_BYTES = 64 * 1024;

/** URLs of a collector: those of the policy, or else the one of the join key. */
export function collectorUrls(urls: readonly string[], enrolment: Pick<Enrolment, 'url'>): readonly string[] {
  return urls.length === 0 ? [enrolment.url] : urls;
}

/**
 * Refuses URLs that must not be used: before anything is started.
 *
 * @throws UplinkError `ERR_PLAIN_HTTP` when one needs a setting that is not there
 */
export function refusePlainHttp(
  { urls, allow_insecure_http }: Pick<Policy['uplink'], 'urls' | 'allow_insecure_http'>,
  enrolment: Pick<Enrolment, 'url'>,
): void {
  for (const url of collectorUrls(urls, enrolment)) {
    const plain = refusedUrl(url, allow_insecure_http);
    if (plain !== undefined) throw new UplinkError('ERR_PLAIN_HTTP', plain);
  }
}

/** The one URL of a collector that has no other. */
export const soleEndpoint = (url: string): Endpoints => ({
  current: () => url,
  failed: () => false,
  stop: () => {},
});

/**
 * Calls the first URL, the next when it fails, and so on round; and goes back once one that is preferred shows the pinned
 * key again and is ready. Looking costs the traffic nothing: it is requests of their own.
 */
export function createEndpoints(options: EndpointsOptions): Endpoints {
  const { urls, log, failBackMs = FAIL_BACK_MS } = options;
  const [first = ''] = urls;
  if (urls.length < 2) return soleEndpoint(first);
  let at = 0;
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  const plan = (): void => {
    clearTimeout(timer);
    // Spread by a fifth, so that hosts that failed over together do not come back together.
    const waitMs = failBackMs * (0.9 + 0.2 * Math.random());
    if (at > 0 && !isStopped) timer = setTimeout(() => void look(), waitMs).unref();
  };
  const look = async (): Promise<void> => {
    const better = await firstThatAnswers(urls.slice(0, at), options);
    if (better !== undefined && !isStopped) {
      at = urls.indexOf(better);
      log.info('the collector answers on a preferred URL again', { url: better });
    }
    plan();
  };
  return {
    current: () => urls[at] ?? first,
    failed(url) {
      if (url !== urls[at]) return true;
      at = (at + 1) % urls.length;
      log.warn('the collector is called on its next URL', { failed: url, url: urls[at] });
      plan();
      return true;
    },
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}

async function firstThatAnswers(
  urls: readonly string[],
  { http, thumbprint }: EndpointsOptions,
): Promise<string | undefined> {
  for (const base of urls) {
    const keys = await bodyAt(`${base}/.well-known/jwks.json`, http);
    if (keys === undefined || !(await pinnedKeyOf(keys, thumbprint)).ok) continue;
    // A collector without its database still shows its keys.
    if ((await bodyAt(`${base}/readyz`, http)) !== undefined) return base;
  }
  return undefined;
}

/** What is there; undefined when nobody answers, or with anything but 200. */
async function bodyAt(url: string, http: HttpClient): Promise<string | undefined> {
  const result = await http.call({ url, limitMs: LIMIT_MS, maxBytes: MAX_BYTES });
  return result.ok && result.reply.status === 200 ? result.reply.body : undefined;
}
