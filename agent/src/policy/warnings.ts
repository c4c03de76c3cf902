import type { Policy } from './policy.ts';

/**
 * What a policy asks for and the engine cannot give: only connections that are accepted prove whose address it is, so
 * `kernel` and `capture` have no evidence but forgeable one.
 */
export function policyWarnings({ block }: Policy, engine: string): string[] {
  if (engine === 'connect') {
    return block.clients === 'handshake'
      ? ['the engine connect knows no clients: forged datagrams may have one blocked; see block.evidence']
      : [];
  }
  const muted =
    engine === 'capture' && block.clients === 'handshake'
      ? ['block.clients: the engine capture mutes nobody, so a client that scans is told and goes on']
      : [];
  const words = (key: string, what: string) => `${key}: the engine ${engine} proves no address, so ${what}`;
  return [
    ...muted,
    ...(block.evidence === 'handshake'
      ? [words('block.evidence = "handshake"', 'it blocks nobody by itself, and only tells')]
      : []),
    ...(block.established === 'cut'
      ? [words('block.established = "cut"', 'it cuts only connections of sources that other hosts proved')]
      : []),
  ];
}
