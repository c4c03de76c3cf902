import { Hono } from 'hono';
import type { Deps } from './deps.ts';
import { blockListRoute } from './routes/blocklist.ts';
import { getAgent, getInstallScript } from './routes/downloads.ts';
import { postEnrolments } from './routes/enrolments.ts';
import { postEvents } from './routes/events.ts';
import { getReady } from './routes/health.ts';
import { postHostKeys } from './routes/host-keys.ts';
import { replyRefusal, replyUnavailable } from './routes/reply.ts';
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

/** The collector as one function over `fetch`: the same for every place it runs in. */
export function createApp(deps: Deps): Hono {
  const app = new Hono();
  app.use(async (c, next) => {
    await next();
    for (const [name, value] of Object.entries(FIXED_HEADERS)) c.header(name, value);
    if (deps.publicUrl.startsWith('https:')) c.header('strict-transport-security', STRICT_TRANSPORT);
  });
  const getBlockList = blockListRoute(deps);
  app.get('/healthz', () => new Response('ok\n'));
  app.get('/readyz', () => getReady(deps));
  app.get('/.well-known/jwks.json', (c) => c.json({ keys: deps.signer.publicKeys }));
  app.post('/v1/enrolments', (c) => postEnrolments(c.req.raw, deps));
  app.post('/v1/events', (c) => postEvents(c.req.raw, deps));
  app.post('/v1/host-keys', (c) => postHostKeys(c.req.raw, deps));
  app.get('/v1/blocklist', (c) => getBlockList(c.req.raw));
  app.get('/install.sh', () => getInstallScript(deps));
  app.get('/agent.mjs', () => getAgent(deps));
  app.notFound(() => replyRefusal(refuse('invalid_request', 'there is no such route'), 404));
  app.onError((error) => replyFault(error, deps));
  return app;
}

/**
 * What went wrong here, not there. A fault that passes asks the host to come again; a value that the database cannot
 * hold is the sender's after all, and coming again would not help.
 */
function replyFault(error: Error, { log }: Deps): Response {
  if (isPassing(error)) {
    log.warn({ err: error }, 'the database cannot serve now');
    return replyUnavailable('the collector cannot store or read now', 5);
  }
  log.error({ err: error }, 'a request failed');
  if (isUnstorable(error))
    return replyRefusal(refuse('invalid_request', 'a value in the request cannot be stored'));
  const body = JSON.stringify({ err: 'internal_error', description: 'the collector failed; see its log' });
  return new Response(body, { status: 500, headers: { 'content-type': 'application/json' } });
}
