import type { Source } from '@picket/protocol';
import { createLane } from '../blocks/lane.ts';
import type { Desired, Firewall, SharedBlock, Stance } from './firewall.ts';

/**
 * One firewall of a main one and of what the policy has done beside it. What is found, looked at and waited for is the main
 * one's: the others follow on their own, and what fails there is told and tried again, and holds nothing up.
 */
export function composeFirewalls(
  main: Firewall,
  extras: readonly Firewall[],
  log: (message: string) => void,
): Firewall {
  if (extras.length === 0) return main;
  const followers = extras.map((extra) => createFollower(extra, log));
  const { watch } = main;
  return {
    name: [main, ...extras].map(({ name }) => name).join('+'),
    enforces: [main, ...extras].some(({ enforces }) => enforces),
    async open(stance) {
      for (const follower of followers) follower.open(stance);
      return main.open(stance);
    },
    async apply(want) {
      for (const follower of followers) follower.apply(want);
      await main.apply(want);
    },
    async share(shared) {
      for (const follower of followers) follower.share(shared);
      await main.share(shared);
    },
    async look() {
      for (const follower of followers) follower.look();
      return main.look();
    },
    ...(watch && { watch: (onChange) => watch.call(main, onChange) }),
    async remove() {
      await all([() => main.remove(), ...followers.map((follower) => () => follower.remove())]);
    },
    async close() {
      await all([...followers.map((follower) => () => follower.close()), async () => main.close?.()]);
    },
  };
}

/** A firewall that nobody waits for. */
interface Follower {
  open(stance: Stance): void;
  apply(want: Desired): void;
  share(shared: ReadonlyMap<Source, SharedBlock>): void;
  look(): void;
  remove(): Promise<void>;
  /** Waits for what is under way. */
  close(): Promise<void>;
}

function createFollower(extra: Firewall, log: (message: string) => void): Follower {
  let stance: Stance | undefined;
  let want: Desired | undefined;
  let shared: ReadonlyMap<Source, SharedBlock> | undefined;
  let isOpen = false;
  let told: string | undefined;
  /** The same words every two seconds tell nobody anything. */
  const failed = (error: unknown): void => {
    const message = error instanceof Error ? error.message : String(error);
    if (message !== told) log(`${extra.name}: ${message}; trying again`);
    told = message;
  };
  const lane = createLane(async () => {
    if (!isOpen && stance !== undefined) {
      await extra.open(stance);
      isOpen = true;
    }
    // Taken one by one and given back when they fail, so that a long list is not gone through for each block.
    const [wanted, list] = [want, shared];
    [want, shared] = [undefined, undefined];
    try {
      if (wanted !== undefined) await extra.apply(wanted);
      if (list !== undefined) await extra.share(list);
    } catch (error) {
      [want, shared] = [want ?? wanted, shared ?? list];
      throw error;
    }
    if (told !== undefined) log(`${extra.name} works again`);
    told = undefined;
  }, failed);
  return {
    open(at) {
      stance = at;
      lane.change();
    },
    apply(wanted) {
      want = wanted;
      lane.change();
    },
    share(list) {
      shared = list;
      lane.change();
    },
    look() {
      if (isOpen) lane.inTurn(() => extra.look()).catch(failed);
    },
    async remove() {
      [want, shared, stance] = [undefined, undefined, undefined];
      await lane.inTurn(() => extra.remove());
    },
    async close() {
      await lane.inTurn(async () => extra.close?.());
    },
  };
}

/** Does everything, whatever fails, and throws the first failure then. */
async function all(calls: readonly (() => Promise<unknown>)[]): Promise<void> {
  const ends = await Promise.allSettled(calls.map((call) => call()));
  const failure = ends.find((end) => end.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
}
