import type { Source } from '@picket/protocol';
import type { Firewall } from './firewall.ts';

/** A dry run: refuses nothing, and tells each block that would have been made or lifted. */
export function createLogOnly(log: (message: string) => void, nowMs: () => number = Date.now): Firewall {
  let before: ReadonlySet<Source> = new Set();
  return {
    name: 'log-only',
    enforces: false,
    async open() {
      return [];
    },
    async apply(want) {
      const live = [...want.shared.values(), ...want.local.values()].filter((b) => b.untilMs > nowMs());
      const now = new Set(live.map((block) => block.source));
      for (const source of now) if (!before.has(source)) log(`would block ${source}`);
      for (const source of before) if (!now.has(source)) log(`would no longer block ${source}`);
      before = now;
    },
    async look() {
      return [];
    },
    async remove() {
      for (const source of before) log(`would no longer block ${source}`);
      before = new Set();
    },
  };
}
