import type { Source } from '@picket/protocol';
import { type IsSpared, spares } from './entry-spared.ts';
import type { Firewall, LocalBlock } from './firewall.ts';

/**
 * No firewall: for each block of this host the administrator's own command runs (`respond/command.ts`), and what it does is
 * not known here. The network's list is not carried out, since nobody wants a hundred thousand commands.
 */
export function createCommandOnly(log: (message: string) => void, now: () => number = Date.now): Firewall {
  let local: ReadonlyMap<Source, LocalBlock> = new Map();
  let isSpared: IsSpared = () => false;
  let wasTold = false;
  return {
    name: 'command',
    enforces: true,
    async open() {
      return [];
    },
    async apply(want) {
      local = want.enforce ? want.local : new Map();
      isSpared = spares(want);
    },
    async share(shared) {
      if (wasTold || shared.size === 0) return;
      wasTold = true;
      log(`block.firewall = "command" runs for blocks of this host: the network's list is not carried out`);
    },
    async look() {
      const live = [...local.values()].filter(({ source, untilMs }) => untilMs > now() && !isSpared(source));
      return live.map(({ source, untilMs, tier }) => ({ source, untilMs, tier, packets: 0 }));
    },
    async remove() {
      local = new Map();
    },
  };
}
