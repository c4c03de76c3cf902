import type { Source } from '@picket/protocol';
import type { Context, MiddlewareHandler } from 'hono';
import type { Deps } from '../deps.ts';
import { COST } from '../limit/limits.ts';
import type { RouteName } from '../metrics/meters.ts';
import { refusalOf, replyLimited } from './reply.ts';

/** Every path, what it is counted under, and its method. */
export type RouteTable = Readonly<Record<string, { name: RouteName; method: 'GET' | 'POST' }>>;

/** Routes that serve anybody, and so cost the address that asks. A probe of health each second costs a fiftieth of it. */
const ANYBODYS: ReadonlySet<RouteName> = new Set<RouteName>(['downloads', 'health', 'keys', 'other']);

/** The address that a request counts against, as the entry found it out; undefined where there is none. */
export function clientIn(c: Context): Source | undefined {
  return (c.env as { client?: Source } | undefined)?.client;
}

/** Counts every request, makes its address pay for what it cost, and answers addresses that have nothing left. */
export function accountFor({ limits, meters }: Deps, routes: RouteTable): MiddlewareHandler {
  return async (c, next) => {
    const route = Object.hasOwn(routes, c.req.path) ? (routes[c.req.path]?.name ?? 'other') : 'other';
    const client = clientIn(c);
    const waitSeconds = limits.waitOf(client);
    if (waitSeconds !== undefined) {
      meters.limited('address');
      meters.answered(route, 429);
      return replyLimited(waitSeconds);
    }
    await next();
    meters.answered(route, c.res.status);
    const refusal = refusalOf(c.res);
    if (refusal !== undefined) {
      if (refusal.waitSeconds !== undefined) meters.limited('host');
      else meters.refused(route, refusal.err, refusal.cause ?? 'other');
      limits.charge(client, refusal.isOfHost ? COST.host : COST.stranger);
    } else if (ANYBODYS.has(route)) limits.charge(client, COST.anybody);
    return undefined;
  };
}
