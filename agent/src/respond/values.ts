import { firstAddress } from '@picket/protocol';
import type { Probe } from '../detect/probe.ts';
import type { LocalBlock } from '../firewall/firewall.ts';
import type { TokenValues } from '../policy/command-template.ts';

/**
 * What a command is told of a block.
 *
 * @param probe the one that tripped; without it port is 0 and the words are `unknown`
 * @param binds whether the engine binds its ports, as PortSentry's classic mode did
 */
export function tokenValues(block: LocalBlock, probe: Probe | undefined, binds: boolean): TokenValues {
  return {
    address: probe?.address ?? firstAddress(block.source),
    source: block.source,
    port: String(probe?.port ?? 0),
    transport: probe?.transport ?? 'unknown',
    technique: probe?.technique ?? 'unknown',
    mode: modeWord(probe, binds),
    until: `${new Date(block.untilMs).toISOString().slice(0, 19)}Z`,
  };
}

/** PortSentry's $MODE$: `tcp`, `udp` of the classic mode, `atcp`, `audp` of the one that watched all unused ports. */
function modeWord(probe: Probe | undefined, binds: boolean): string {
  if (probe === undefined) return 'unknown';
  return binds ? probe.transport : `a${probe.transport}`;
}
