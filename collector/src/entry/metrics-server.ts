import type { Meters } from '../metrics/meters.ts';
import type { Config } from './config.ts';
import { listenWith, type RunningServer, runningServer } from './server.ts';

/**
 * Serves `GET /metrics` on an address of its own: what the proxy in front of the collector passes on never shows it, and
 * who shall read it is a matter of where it listens.
 */
export async function startMetricsServer(meters: Meters, listen: Config['listen']): Promise<RunningServer> {
  const server = await listenWith((incoming, outgoing) => {
    if (incoming.url?.split('?', 1)[0] !== '/metrics') return outgoing.writeHead(404).end();
    if (incoming.method !== 'GET') return outgoing.writeHead(405, { allow: 'GET' }).end();
    meters.read().then(
      ({ type, text }) => outgoing.writeHead(200, { 'content-type': type }).end(text),
      () => outgoing.writeHead(500).end(),
    );
  }, listen);
  return runningServer(server);
}
