import { type Context, Hono } from 'hono';
import type { Deps } from './deps.ts';
import { accountFor, clientIn, type RouteTable } from './routes/account.ts';
import { blockListRoute } from './routes/blocklist.ts';
import { getAgent, getInstallScript } from './routes/downloads.ts';
import { postEnrolments } from './routes/enrolments.ts';
import { postEvents } from './routes/events.ts';
import { readyRoute } from './routes/health.ts';
import { postHostKeys } from './routes/host-keys.ts';
import { JSON_HEADERS, replyMethod, replyRefusal, replyUnavailable } from './routes/reply.ts';
import { seldom } from './seldom.ts';
import { isPassing, isUnstorable } from './store/fault.ts';
import { refuse } from './verify/refusal.ts';

/** On every reply. Nothing here is a page: nothing may be loaded, framed, guessed or kept. */
const FIXED_HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/** A year, as browsers want it; only where the collector is reached over TLS (RFC 6797 section 7.2). */
const STRICT_TRANSPORT = 'max-age=31536000';

/** Every path with the name that it is counted under and the one method that it takes. */
const ROUTES: RouteTable = {
  '/healthz': { name: 'health', method: 'GET' },
  '/readyz': { name: 'health', method: 'GET' },
  '/.well-known/jwks.json': { name: 'keys', method: 'GET' },
  '/v1/enrolments': { name: 'enrolments', method: 'POST' },
  '/v1/events': { name: 'events', method: 'POST' },
  '/v1/host-keys': { name: 'host-keys', method: 'POST' },
  '/v1/blocklist': { name: 'blocklist', method: 'GET' },
  '/install.sh': { name: 'downloads', method: 'GET' },
  '/agent.mjs': { name: 'downloads', method: 'GET' },
};

/** The collector as one function over `fetch`: the same for every place it runs in. */
export function createApp(deps: Deps): Hono {
  const app = new Hono();
  app.use(async (c, next) => {
    await next();
    for (const [name, value] of Object.entries(FIXED_HEADERS)) c.header(name, value);
    if (deps.publicUrl.startsWith('https:')) c.header('strict-transport-security', STRICT_TRANSPORT);
  });
  app.use(accountFor(deps, ROUTES));
  const handlers = createHandlers(deps);
  for (const [path, { method }] of Object.entries(ROUTES)) {
    const handler = handlers[path];
    if (handler === undefined) throw new Error(`${path} has no handler`);
    app.on(method, path, handler);
    app.all(path, () => replyMethod(method === 'GET' ? 'GET, HEAD' : method));
  }
  app.notFound(() => replyRefusal(refuse('invalid_request', 'there is no such route'), 404));
  const once = seldom();
  app.onError((error) => replyFault(error, deps, once));
  return app;
}

type Handler = (c: Context) => Response | Promise<Response>;

function createHandlers(deps: Deps): Readonly<Record<string, Handler>> {
  const getBlockList = blockListRoute(deps);
  return {
    '/healthz': () => new Response('ok\n'),
    '/readyz': readyRoute(deps),
    '/.well-known/jwks.json': (c) => c.json({ keys: deps.signer.publicKeys }),
    '/v1/enrolments': (c) => postEnrolments(c.req.raw, deps, clientIn(c)),
    '/v1/events': (c) => postEvents(c.req.raw, deps),
    '/v1/host-keys': (c) => postHostKeys(c.req.raw, deps),
    '/v1/blocklist': (c) => getBlockList(c.req.raw),
    '/install.sh': () => getInstallScript(deps),
    '/agent.mjs': () => getAgent(deps),
  };
}

/**
 * What went wrong here, not there. A fault that passes asks the host to come again; a value that the database cannot
 * hold is the sender's after all, and coming again would not help.
 */
function replyFault(error: Error, { log }: Deps, once: ReturnType<typeof seldom>): Response {
  if (isPassing(error)) {
    once(() => log.warn({ err: error }, 'the database cannot serve now'));
    return replyUnavailable('the collector cannot store or read now', 5);
  }
  log.error({ err: error }, 'a request failed');
  if (isUnstorable(error))
    return replyRefusal(refuse('invalid_request', 'a value in the request cannot be stored'));
  const body = JSON.stringify({ err: 'internal_error', description: 'the collector failed; see its log' });
  return new Response(body, { status: 500, headers: JSON_HEADERS });
}
