import type { Source } from '@picket/protocol';
import type { Firewall, SharedBlock } from './firewall.ts';

type Block = Pick<SharedBlock, 'source' | 'untilMs'>;

/** A dry run: refuses nothing, and tells each block that would have been made or lifted. */
export function createLogOnly(log: (message: string) => void, nowMs: () => number = Date.now): Firewall {
  let said: ReadonlySet<Source> = new Set();
  let [local, shared]: [readonly Block[], readonly Block[]] = [[], []];
  const say = (): void => {
    const live = [...shared, ...local].filter(({ untilMs }) => untilMs > nowMs());
    const now = new Set(live.map(({ source }) => source));
    for (const source of now) if (!said.has(source)) log(`would block ${source}`);
    for (const source of said) if (!now.has(source)) log(`would no longer block ${source}`);
    said = now;
  };
  return {
    name: 'log-only',
    enforces: false,
    async open() {
      return [];
    },
    async apply(want) {
      local = [...want.local.values()];
      say();
    },
    async share(list) {
      shared = [...list.values()];
      say();
    },
    async look() {
      return [];
    },
    async remove() {
      [local, shared] = [[], []];
      say();
    },
  };
}
