import type { Log } from '../report/log.ts';
import type { Connection } from './connection.ts';
import { createHttpClient, type HttpClient } from './http.ts';

/**
 * A client whose way to the collector is looked up with the first call, and again with each one until that works: a file
 * of authorities that is not there, or not yet, leaves the host without its collector but not without its detection.
 *
 * @param connect throws in words for people
 */
export function createLateClient(connect: () => Promise<Connection>, log: Log): HttpClient {
  let opening: Promise<HttpClient> | undefined;
  let isTold = false;
  let isClosed = false;
  const open = async (): Promise<HttpClient> => {
    const http = createHttpClient(await connect());
    if (isTold) log.info('the collector can be called now');
    return http;
  };
  return {
    async call(call) {
      if (isClosed) return { ok: false, reason: 'stopped' };
      // One look for all that call at once; a failed one is forgotten.
      opening ??= open();
      try {
        return await (await opening).call(call);
      } catch (error) {
        opening = undefined;
        const reason = error instanceof Error ? error.message : String(error);
        if (!isTold) log.error('the collector cannot be called; detection and blocking go on', { reason });
        isTold = true;
        return { ok: false, reason };
      }
    },
    async close() {
      isClosed = true;
      await (await opening?.catch(() => undefined))?.close();
    },
  };
}
