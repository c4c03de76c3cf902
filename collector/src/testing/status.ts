import type { StatusEvent } from '@picket/protocol';

/** A heartbeat of now. */
export function testStatus(over: Partial<StatusEvent> = {}): StatusEvent {
  return {
    agentVersion: '0.1.0',
    engine: 'kernel',
    firewall: 'nftables',
    startedAtMs: Date.now() - 60_000,
    nowMs: Date.now(),
    addresses: ['192.0.2.10'],
    localBlocks: 0,
    probesLost: 0,
    spooled: 0,
    spoolLost: 0,
    blockList: { version: 0, entries: 0, refused: {} },
    ...over,
  };
}
