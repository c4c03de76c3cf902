import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { EngineHold, TripOutcome } from '@picket/agent/watch/engine';
import type { Lab } from '../lab.ts';
import { waitFor } from '../wait.ts';

/** A line of what the engine told. */
export interface Told {
  source?: string;
  outcome?: TripOutcome;
  limiting?: 'begins' | 'is over';
}

/** What the engine answers about a source. */
interface Answer {
  asked: string;
  hold: EngineHold | null;
  isClient: boolean;
}

/** The kernel engine at work on a node, with its table. */
export interface KernelWatch {
  readonly told: readonly Told[];
  /** Sources that tripped with an outcome, in the order in which it was told. */
  tripped: (outcome: TripOutcome) => string[];
  /** What the kernel does about a source, and whether it knows it as a client. */
  ask: (source: string) => Promise<Answer>;
  stop: () => Promise<void>;
}

/** Time to start TypeScript from source, and for an answer, ms. */
const READY_MS = 30_000;
const ANSWER_MS = 15_000;

/**
 * Starts the kernel engine on a node of a lab.
 *
 * @param options `config`: lines beside the default policy; `quietMs`: see `createLimiting`
 */
export async function watchByKernelEngine(
  lab: Lab,
  node: string,
  { config = '', quietMs = 2_000 } = {},
): Promise<KernelWatch> {
  const script = join(import.meta.dirname, 'kernel-engine.ts');
  const argv = [process.execPath, '--import', 'tsx', script, config, `${quietMs}`];
  const child = spawn('ip', ['netns', 'exec', lab.namespace(node), ...argv], {
    stdio: ['pipe', 'pipe', 'inherit'],
    cwd: import.meta.dirname,
  });
  const [told, answers]: [Told[], Answer[]] = [[], []];
  let isReady = false;
  createInterface({ input: child.stdout }).on('line', (text) => {
    const line = JSON.parse(text) as Told & Partial<Answer> & { ready?: boolean };
    isReady ||= line.ready === true;
    if (line.asked !== undefined) answers.push(line as Answer);
    else if (line.outcome !== undefined || line.limiting !== undefined) told.push(line);
  });
  await waitFor('the kernel engine', () => isReady, READY_MS);
  return {
    told,
    tripped: (outcome) =>
      told.flatMap((line) => (line.outcome === outcome && line.source !== undefined ? [line.source] : [])),
    async ask(source) {
      const before = answers.length;
      child.stdin.write(`${source}\n`);
      return waitFor(`word of ${source}`, () => answers[before], ANSWER_MS);
    },
    async stop() {
      child.stdin.end();
      if (child.exitCode === null) await once(child, 'close');
    },
  };
}
