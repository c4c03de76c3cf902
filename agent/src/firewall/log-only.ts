import type { Source } from '@picket/protocol';
import type { Firewall } from './firewall.ts';

/** A dry run: refuses nothing, and tells each block that would have been made or lifted. */
export function createLogOnly(log: (message: string) => void): Firewall {
  let before: ReadonlyMap<Source, unknown> = new Map();
  return {
    name: 'log-only',
    enforces: false,
    async open() {
      return [];
    },
    async apply(want) {
      const now = new Map<Source, unknown>([...want.shared, ...want.local]);
      for (const source of now.keys()) if (!before.has(source)) log(`would block ${source}`);
      for (const source of before.keys()) if (!now.has(source)) log(`would no longer block ${source}`);
      before = now;
    },
    async refusedPackets() {
      return new Map();
    },
    async remove() {},
  };
}
