import type { Source } from '@picket/protocol';
import { spares } from './entry-spared.ts';
import type { Firewall, SharedBlock, Stance } from './firewall.ts';

type Block = Pick<SharedBlock, 'source' | 'untilMs'>;

/** A dry run: refuses nothing, and tells each block that would have been made or lifted. */
export function createLogOnly(log: (message: string) => void, nowMs: () => number = Date.now): Firewall {
  let said: ReadonlySet<Source> = new Set();
  let stance: Stance = { allow: [], onLink: [], enforce: true };
  let [local, shared]: [readonly Block[], readonly Block[]] = [[], []];
  const say = (): void => {
    const isSpared = spares(stance);
    const live = [...shared, ...local].filter(
      ({ untilMs, source }) => untilMs > nowMs() && !isSpared(source),
    );
    const now = new Set(stance.enforce ? live.map(({ source }) => source) : []);
    for (const source of now) if (!said.has(source)) log(`would block ${source}`);
    for (const source of said) if (!now.has(source)) log(`would no longer block ${source}`);
    said = now;
  };
  return {
    name: 'log-only',
    enforces: false,
    async open(at) {
      stance = at;
      return [];
    },
    async apply(want) {
      [stance, local] = [want, [...want.local.values()]];
      say();
    },
    async share(list) {
      shared = [...list.values()];
      say();
    },
    async look() {
      // Some may have ended.
      say();
      return [];
    },
    async remove() {
      [local, shared] = [[], []];
      say();
    },
  };
}
