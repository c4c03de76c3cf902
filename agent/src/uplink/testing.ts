import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Sighting } from '@picket/protocol';
import { v7 as uuid7 } from 'uuid';
import { expect } from 'vitest';
import { enrol } from './enrol.ts';
import type { Enrolment } from './enrolment.ts';
import { FakeCollector } from './fake-collector.ts';
import { createHttpClient, type HttpClient } from './http.ts';
import { type Identity, loadIdentity } from './identity.ts';

/** An enrolled host beside a fake collector, for tests. */
export interface Bench {
  readonly stateDir: string;
  readonly fake: FakeCollector;
  readonly http: HttpClient;
  readonly identity: Identity;
  readonly enrolment: Enrolment;
  tidy(): Promise<void>;
}

export const BENCH_HOST = { hostName: 'a.example', os: 'linux', arch: 'x64', agentVersion: '0.1.0' };

/** Makes a state folder, starts a fake collector and enrols. */
export async function makeBench(): Promise<Bench> {
  const stateDir = await mkdtemp(join(tmpdir(), 'picket-uplink-'));
  const fake = await FakeCollector.start();
  const http = createHttpClient();
  const identity = await loadIdentity(stateDir);
  const { joinKey } = fake;
  const result = await enrol({
    ...{ stateDir, identity, joinKey, host: BENCH_HOST, http },
    allowInsecureHttp: false,
  });
  if (!result.ok) throw new Error(result.message);
  const tidy = async () => {
    await http.close();
    await fake.stop();
    await rm(stateDir, { recursive: true, force: true });
  };
  return { stateDir, fake, http, identity, enrolment: result.enrolment, tidy };
}

/** A sighting with every value that must be there. */
export function sighting(changes: Partial<Sighting> = {}): Sighting {
  const atMs = 1_790_000_000_000;
  return {
    id: uuid7(),
    rev: 1,
    source: '198.51.100.7',
    address: '198.51.100.7',
    techniques: { syn: 3 },
    ports: { tcp: [[21, 23]] },
    portCount: 3,
    firstAtMs: atMs,
    lastAtMs: atMs + 40,
    localAddress: '192.0.2.10',
    evidence: 'forgeable',
    successes: 0,
    ...changes,
  };
}

/** Waits until the value is as expected; a busy machine may take its time. */
export function eventually<T>(value: () => T) {
  return expect.poll(value, { timeout: 15_000, interval: 10 });
}
