import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { mustExec } from '../../lab/run.ts';
import { OTHER_CORE, onCore } from '../ingest/cores.ts';

const ATTACK = join(import.meta.dirname, 'attack.ts');

/** The one address that all bad requests come from. */
const FROM = '127.0.9.66';

const CONNECTIONS = 64;

/** Time that its start and end may take, ms. */
const MORE_MS = 60_000;

const outcomeSchema = z.object({
  /** Requests that left; those that could not since the other side did not read; connections it closed. */
  sent: z.int(),
  heldUp: z.int(),
  closed: z.int(),
  tookMs: z.number(),
  statuses: z.record(z.string(), z.int()),
});

/** What became of an attack. */
export type Outcome = z.infer<typeof outcomeSchema>;

/** Runs an attack in a process of its own and returns what became of it. */
export async function attack(
  folder: string,
  {
    origin,
    requests,
    perSecond,
    lastsMs,
  }: { origin: string; requests: readonly Buffer[]; perSecond: number; lastsMs: number },
): Promise<Outcome> {
  const file = join(folder, 'attack.json');
  const order = {
    ...{ port: Number(new URL(origin).port), from: FROM, connections: CONNECTIONS, perSecond, lastsMs },
    requests: requests.map((request) => request.toString('base64')),
  };
  await writeFile(file, JSON.stringify(order));
  const argv = onCore(OTHER_CORE, [process.execPath, '--import', 'tsx', ATTACK, file]);
  return outcomeSchema.parse(JSON.parse(await mustExec(argv, { timeoutMs: lastsMs + MORE_MS })));
}
