import { z } from 'zod';

const COLLECTOR_URL =
  'a list of at most 8 URLs like "https://picket.example.org", without user, query or slash at the end';

/** Base URL of a collector, in the form that a join key has it. */
const collectorUrlSchema = z
  .string(COLLECTOR_URL)
  .max(1_024, COLLECTOR_URL)
  .refine((text) => {
    if (!/^https?:/.test(text) || !URL.canParse(text)) return false;
    const { origin, pathname } = new URL(text);
    return `${origin}${pathname}`.replace(/\/+$/, '') === text;
  }, COLLECTOR_URL);

/** URLs of a collector, in order of preference. */
export const collectorUrlsSchema = z.array(collectorUrlSchema, COLLECTOR_URL).max(8, COLLECTOR_URL);

const SAFE_URL = 'https://, or http:// on loopback; in a lab with allow_insecure_http = true under [uplink]';

/** Refuses each URL of a policy that {@link isReadableOnTheWay}, unless the policy allows that. */
export function refuseReadable(
  {
    uplink,
  }: { readonly uplink: { readonly urls: readonly string[]; readonly allow_insecure_http: boolean } },
  context: z.RefinementCtx,
): void {
  if (uplink.allow_insecure_http) return;
  for (const [i, url] of uplink.urls.entries())
    if (isReadableOnTheWay(url))
      context.addIssue({ code: 'custom', path: ['uplink', 'urls', i], message: SAFE_URL });
}

/** Whether what goes there can be read on the way: signatures say who speaks, but only TLS keeps that private. */
export function isReadableOnTheWay(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol !== 'https:' && !isLoopback(hostname);
}

/** RFC 6761 section 6.3 (`localhost`), RFC 1122 section 3.2.1.3 (127/8), RFC 4291 section 2.5.3 (::1). */
function isLoopback(hostname: string): boolean {
  return /^(?:(?:.+\.)?localhost|127(?:\.\d{1,3}){3}|\[::1\])$/i.test(hostname);
}

const PROXY_URL =
  'a URL like "http://proxy.example.org:3128"; user and password may stand in it, % in them as %25';

/** URL of a proxy; empty for none. */
export const proxySchema = z
  .string(PROXY_URL)
  .max(1_024, PROXY_URL)
  .refine((text) => {
    if (text === '') return true;
    if (!/^https?:/.test(text) || !URL.canParse(text)) return false;
    const { pathname, search, hash, hostname, username, password } = new URL(text);
    return (
      pathname === '/' && search + hash === '' && hostname !== '' && [username, password].every(canDecode)
    );
  }, PROXY_URL);

/** Whether each % begins an octet of UTF-8 (RFC 3986 section 2.1), as the header to the proxy needs it. */
function canDecode(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
