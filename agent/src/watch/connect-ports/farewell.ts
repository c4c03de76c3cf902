import type { Socket } from 'node:net';

/** Longest a connection stays for its banner, ms: enough for a round trip around the world and a few lost packets. */
export const BANNER_MS = 2_000;

/**
 * Most connections that stay for their banner at once, over all ports. Each takes a file descriptor, of which a service
 * has 1,024 by default and the bound ports some fifty; whoever comes beyond gets no banner.
 */
export const MOST_HELD = 32;

/**
 * How connections are ended: at once with a reset, which leaves no TIME_WAIT behind, however many come; or with a banner
 * (PortSentry's PORT_BANNER), for whose delivery they stay for a while. What the other side sends is read and dropped,
 * or the reset that unread bytes cause would overtake the banner.
 */
export function createFarewell(banner: string): (socket: Socket) => void {
  let held = 0;
  return (socket) => {
    socket.on('error', () => {});
    if (banner === '' || held >= MOST_HELD) return void socket.resetAndDestroy();
    held += 1;
    const timer = setTimeout(() => socket.resetAndDestroy(), BANNER_MS);
    socket.once('close', () => {
      held -= 1;
      clearTimeout(timer);
    });
    socket.resume().end(banner);
  };
}
