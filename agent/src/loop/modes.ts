import type { Source } from '@picket/protocol';
import type { AgentDeps } from '../agent-port.ts';
import type { StanceNow } from '../control/stance.ts';

/** Whether decisions are carried out: what was decided last, and what the firewall has carried out. */
export interface Modes {
  readonly decided: StanceNow;
  readonly inForce: StanceNow;
  /** The mode of the start, before the firewall is open. */
  begin(): void;
  /** Carries out what the stance is now; resolves when it is in force. */
  apply(): Promise<void>;
}

const isSame = (a: StanceNow, b: StanceNow): boolean =>
  a.mode === b.mode && a.untilMs === b.untilMs && a.by === b.by;

/** @param onBlockChange called for each source of which it changes whether its block is in force */
export function createModes(
  { keeper, report, stance }: AgentDeps,
  onBlockChange: (source: Source) => void,
): Modes {
  let [decided, inForce]: [StanceNow, StanceNow] = [{ mode: 'enforce' }, { mode: 'enforce' }];
  return {
    get decided() {
      return decided;
    },
    get inForce() {
      return inForce;
    },
    begin() {
      decided = stance.now();
      inForce = decided;
      keeper.setEnforcing(decided.mode === 'enforce');
    },
    async apply() {
      const wanted = stance.now();
      if (!isSame(wanted, decided)) {
        decided = wanted;
        report.mode(decided);
        for (const { source } of keeper.all()) onBlockChange(source);
        keeper.setEnforcing(decided.mode === 'enforce');
      }
      if (isSame(wanted, inForce)) return;
      await keeper.settle('own');
      inForce = wanted;
    },
  };
}
