import { z } from 'zod';
import { type ListeningChild, startListening } from '../../run/listening-child.ts';
import type { Runner } from '../../run/runner.ts';
import { parseJson } from '../../uplink/state-file.ts';
import type { Arena } from './arena.ts';
import type { Trial } from './wire.ts';

/** Packets that are sent from the blocked address in one volley. */
export const SENT = 5;

/** How many packets of a volley were answered. */
export interface Volley {
  /** Of `SENT` from the address that is blocked or not. */
  readonly stranger: number;
  /** Of those from the address that never is: above 0 says that the wire works. */
  readonly control: number;
}

/**
 * Answers every datagram on all addresses. It has a port on which it listens, so its packets are probes to nobody.
 * Arguments: family.
 */
const ECHO = `
const socket = require('node:dgram').createSocket('udp' + process.argv[1]);
socket.on('message', (data, from) => socket.send(data, from.port, from.address, () => {}));
socket.bind(0, () => process.stderr.write('listening on ' + socket.address().port + '\\n'));
setTimeout(() => process.exit(), 30000);
`;

/**
 * Sends datagrams from the stranger, then from the other address until one of those is answered: a wire keeps the order, so the
 * stranger's would have been answered before. What comes a moment later still counts. Each socket has a port of its own
 * choice, so that no earlier connection is known of it.
 * Arguments: family, stranger, its target, control, its target, port, packets.
 */
const SEND = `
const [family, stranger, host, control, controlHost, port, sent] = process.argv.slice(1);
const dgram = require('node:dgram');
const heard = { stranger: 0, control: 0 };
const open = (name, address) => {
  const socket = dgram.createSocket('udp' + family);
  socket.on('error', () => {}).on('message', () => heard[name]++);
  return new Promise((resolve) => socket.bind(0, address, () => resolve(socket)));
};
const send = (socket, to) => new Promise((resolve) => socket.send('picket-agent doctor', Number(port), to, resolve));
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
(async () => {
  const [a, b] = [await open('stranger', stranger), await open('control', control)];
  for (let i = 0; i < Number(sent); i++) await send(a, host);
  for (let i = 0; i < 30 && heard.control === 0; i++) {
    await send(b, controlHost);
    await pause(50);
  }
  await pause(100);
  process.stdout.write(JSON.stringify(heard) + '\\n');
  process.exit();
})();
`;

const heardSchema = z.object({ stranger: z.number(), control: z.number() });

/** Sends volleys in one family over a wire. */
export interface Range {
  fire(): Promise<Volley>;
  close(): Promise<void>;
}

/** Opens the port that answers, on the host's end of the wire. */
export async function openRange(run: Runner, arena: Arena, trial: Trial): Promise<Range> {
  let said = '';
  const echo: ListeningChild = await startListening({
    argv: arena.inHost([process.execPath, '-e', ECHO, `${trial.family}`]),
    ready: /listening on \d+\n/,
    onData() {},
    onWords: (text) => {
      said += text;
    },
  });
  const port = /listening on (\d+)/.exec(said)?.[1] ?? '0';
  const { family, stranger, host, control, controlHost } = trial;
  const words = [`${family}`, stranger, host, control, controlHost, port, `${SENT}`];
  return {
    async fire() {
      const { stdout, stderr } = await run({ argv: arena.inPeer([process.execPath, '-e', SEND, ...words]) });
      const heard = heardSchema.safeParse(parseJson(stdout));
      if (!heard.success)
        throw new Error(`the packets of a trial could not be sent: ${stderr.trim().slice(-300)}`);
      return heard.data;
    },
    close: () => echo.stop(),
  };
}
