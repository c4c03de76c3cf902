import { once } from 'node:events';
import { connect } from 'node:net';

/** An innocent client: reads the page and the banner of each address it is given. Fails when one of them is not there. */

/** Longest wait for an answer, ms. */
const PATIENCE_MS = 5_000;

async function visit(address: string): Promise<string> {
  const host = address.includes(':') ? `[${address}]` : address;
  const page = await fetch(`http://${host}/`, { signal: AbortSignal.timeout(PATIENCE_MS) });
  const socket = connect({ host: address, port: 22 });
  const [banner] = await once(socket, 'data', { signal: AbortSignal.timeout(PATIENCE_MS) });
  socket.destroy();
  return `${address}: "${(await page.text()).trim()}", "${String(banner).trim()}"`;
}

for (const address of process.argv.slice(2)) console.log(await visit(address));
