import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * A client that means no harm: it keeps one connection to an echo service alive, word by word, and makes a new one again
 * and again. It prints how often each worked, one JSON object a line.
 */
const [host = '', localAddress = ''] = process.argv.slice(2);

/** Longest wait for an answer, ms: a busy machine is no refusal, which takes the answer away for good. */
const PATIENCE_MS = 5_000;

const EVERY_MS = 100;

const state = { words: 0, isAlive: true, opened: 0, refused: 0 };

const live = connect({ host, port: 7, localAddress });
live.on('data', () => state.words++).on('error', () => {});
live.on('close', () => {
  state.isAlive = false;
});

async function visit(): Promise<void> {
  const socket = connect({ host, port: 7, localAddress }).on('error', () => {});
  try {
    socket.write('hello\n');
    await once(socket, 'data', { signal: AbortSignal.timeout(PATIENCE_MS) });
    state.opened++;
  } catch {
    state.refused++;
  }
  socket.destroy();
}

for (;;) {
  live.write('word\n');
  await visit();
  console.log(JSON.stringify(state));
  await sleep(EVERY_MS);
}
