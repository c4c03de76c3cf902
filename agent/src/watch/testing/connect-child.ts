import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '../../uplink/state-file.ts';
import { createConnectEngine } from '../connect.ts';

/**
 * A process of its own with the connect engine in it, so that a test can take its file descriptors and look at its
 * memory. Arguments: folder for its state file, TCP ports and UDP ports (comma-separated), banner, command for Perl. It answers each
 * message with what it has seen so far.
 */
const [folder = '', tcp = '', udp = '', banner = '', perl = 'perl'] = process.argv.slice(2);

/** What a test is told. */
export interface ChildReport {
  /** Probes and their distinct ports so far; what the engine said; whether the state file could be written just now. */
  readonly probes: number;
  readonly ports: number[];
  readonly said: string[];
  readonly state: string;
  readonly rssBytes: number;
}

const [seen, said]: [Set<number>, string[]] = [new Set(), []];
let probes = 0;
const hoard: number[] = [];

const ranges = (text: string) =>
  text
    .split(',')
    .filter(Boolean)
    .map((part) => part.split('-').map(Number))
    .map(([from = 0, to = from]) => [from, to] as [number, number]);

/** Takes all file descriptors that there are, or gives them back. */
function exhaust(how: unknown): void {
  for (const fd of hoard.splice(0)) closeSync(fd);
  if (how !== 'exhaust') return;
  try {
    for (;;) hoard.push(openSync('/dev/null', 'r'));
  } catch {
    // None is left: that is what was asked for.
  }
}

process.on('message', async (message) => {
  exhaust(message);
  const state = await replaceFile(join(folder, 'state.json'), '{}').then(
    () => 'written',
    (error: NodeJS.ErrnoException) => error.code,
  );
  // Reading it takes a file descriptor.
  const rssBytes = state === 'written' ? process.memoryUsage.rss() : 0;
  const report = { probes, ports: [...seen], said, state: state ?? '', rssBytes };
  process.send?.(report satisfies ChildReport);
});

const engine = createConnectEngine({
  tcp: ranges(tcp),
  udp: ranges(udp),
  ...{ banner, perl },
  log: (words) => said.push(words),
  now: Date.now,
});
await engine.start({
  probe({ port }) {
    probes += 1;
    seen.add(port);
  },
  strong: () => [],
  trip() {},
});
process.send?.('watching');
