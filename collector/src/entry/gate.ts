import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Cidr, Source } from '@picket/protocol';
import type { Log } from '../deps.ts';
import { clientOf, isProxy } from '../limit/client-address.ts';
import { COST, type Limits } from '../limit/limits.ts';
import type { Meters } from '../metrics/meters.ts';
import { JSON_HEADERS, LIMITED_BODY } from '../routes/reply.ts';
import { seldom } from '../seldom.ts';

/** What stands before the app: it must cost as little as possible, since floods end here. */
export interface Gate {
  /** The address that a request counts against. */
  clientOf(incoming: IncomingMessage): Source | undefined;
  /** Answers a request of somebody over his limit, its body unread, and ends the connection; false when there is none. */
  isTurnedAway(incoming: IncomingMessage, outgoing: ServerResponse): boolean;
  /** Closes a connection of somebody who does not heed the answers, before anything is read from it. */
  connected(socket: Socket): void;
  /** Answers what is no HTTP, and counts it. */
  misspoke(error: Error & { code?: string }, socket: Duplex): void;
}

/** Lets everybody in, unknown. */
export const OPEN_GATE: Gate = {
  clientOf: () => undefined,
  isTurnedAway: () => false,
  connected: () => {},
  misspoke: (_, socket) => answerNonsense(socket),
};

/** A gate with limits. */
export function createGate(parts: {
  limits: Limits;
  meters: Meters;
  log: Log;
  proxies: readonly Cidr[];
}): Gate {
  const { limits, meters, proxies } = parts;
  const warn = warnOfProxy(parts.log);
  const clientAt = (peer: string | undefined, incoming?: IncomingMessage) =>
    clientOf({ peer, forwardedFor: joined(incoming?.headers['x-forwarded-for']) }, proxies);
  return {
    clientOf: (incoming) => clientAt(incoming.socket.remoteAddress, incoming),
    isTurnedAway(incoming, outgoing) {
      const peer = incoming.socket.remoteAddress;
      const waitSeconds = limits.waitOf(clientAt(peer, incoming));
      if (waitSeconds === undefined) return false;
      if (incoming.headers['x-forwarded-for'] === undefined && isProxy(peer, proxies)) warn(peer);
      meters.limited('address');
      const headers = { ...JSON_HEADERS, 'retry-after': String(waitSeconds), connection: 'close' };
      outgoing.writeHead(429, headers).end(LIMITED_BODY);
      return true;
    },
    connected(socket) {
      // A proxy's connections carry others too.
      if (!limits.isDeaf(clientAt(socket.remoteAddress)) || isProxy(socket.remoteAddress, proxies)) return;
      meters.limited('connection');
      socket.destroy();
    },
    misspoke(error, socket) {
      const peer = (socket as Socket).remoteAddress;
      if (error.code !== 'ECONNRESET' && !isProxy(peer, proxies))
        limits.charge(clientAt(peer), COST.stranger);
      answerNonsense(socket);
    },
  };
}

function joined(field: string | string[] | undefined): string | undefined {
  return Array.isArray(field) ? field.join(',') : field;
}

/** A proxy that does not say for whom it asks makes one client of all: somebody should know. */
function warnOfProxy(log: Log): (peer: string | undefined) => void {
  const once = seldom();
  return (peer) =>
    once(() =>
      log.warn({ peer }, 'requests over the limit come without X-Forwarded-For: a proxy must set it'),
    );
}

function answerNonsense(socket: Duplex): void {
  if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
  else socket.destroy();
}
