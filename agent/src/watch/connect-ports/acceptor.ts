import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { parseAddress } from '@picket/protocol';
import { COMMAND_ENV } from '../../run/runner.ts';
import { ACCEPTOR } from './acceptor-script.ts';
import type { BoundDeps } from './bound-ports.ts';
import { BANNER_MS, MOST_HELD } from './farewell.ts';

/** What an acceptor has bound, and what it has not and why (an errno name). */
export interface Acceptor {
  readonly bound: readonly number[];
  readonly failed: readonly { readonly port: number; readonly error: string }[];
  close(): Promise<void>;
}

/** Longest wait for the script to have bound its ports, ms; the classic lists take it a fraction of one second. */
const START_LIMIT_MS = 15_000;

/** What an acceptor is to do. */
export interface AcceptorWish {
  readonly ports: readonly number[];
  readonly banner: string;
  /** The command that runs the script. */
  readonly perl: string;
  /** Called when it ends without having been asked to. */
  readonly ended: () => void;
}

/** Starts the script that accepts connections. Tells what it has bound, or why there is none. */
export function openAcceptor(
  { ports, banner, perl, ended }: AcceptorWish,
  deps: BoundDeps,
): Promise<Acceptor | { readonly missing: string }> {
  const limits = [String(MOST_HELD), String(BANNER_MS / 1_000)];
  const argv = ['-e', ACCEPTOR, banner, ...limits, ...ports.map(String)];
  const child = spawn(perl, argv, { env: COMMAND_ENV, stdio: ['pipe', 'pipe', 'pipe'] });
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    words = text.split('\n')[0] ?? '';
  });
  child.stdin.on('error', () => {});
  return new Promise((resolve) => {
    let isReady = false;
    const [bound, failed]: [number[], { port: number; error: string }[]] = [[], []];
    const timer = setTimeout(() => child.kill('SIGKILL'), START_LIMIT_MS);
    const over = (missing: string) => {
      clearTimeout(timer);
      if (isReady && !closing.has(child)) ended();
      resolve({ missing });
    };
    child.on('error', (error: NodeJS.ErrnoException) => over(`${perl} cannot be started (${error.code})`));
    child.on('close', (status, signal) => over(`perl ended with ${signal ?? `status ${status}`}: ${words}`));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const [word, port, ...rest] = line.split(' ');
      if (word === 'probe') tell(Number(port), rest, deps);
      else if (word === 'bound') bound.push(Number(port));
      else if (word === 'failed') failed.push({ port: Number(port), error: rest.join(' ') });
      else if (word === 'ready') {
        isReady = true;
        clearTimeout(timer);
        let closed: Promise<void> | undefined;
        resolve({
          ...{ bound, failed },
          close() {
            closed ??= close(child);
            return closed;
          },
        });
      }
    });
  });
}

/** Children that were asked to end. */
const closing = new WeakSet<ChildProcess>();

function close(child: ChildProcess): Promise<void> {
  closing.add(child);
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once('exit', () => resolve()).kill('SIGKILL');
  });
}

function tell(port: number, [source = '', local = '']: string[], { sink, now, ownAddress }: BoundDeps): void {
  const address = parseAddress(source.split('%')[0] ?? '');
  if (address === undefined) {
    sink.lost();
    return;
  }
  const localAddress = parseAddress(local) ?? ownAddress(address.includes(':') ? 6 : 4);
  const seen = { transport: 'tcp', technique: 'connect', evidence: 'handshake' } as const;
  sink.probe({ atMs: now(), address, localAddress, port, ...seen });
}
