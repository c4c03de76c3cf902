import type { Source } from '@picket/protocol';
import type { Probe } from '../detect/probe.ts';
import type { LocalBlock } from '../firewall/firewall.ts';

/** What an administrator has done beside a local block. No verb throws or rejects: a failure is told in the log. */
export interface Responder {
  /**
   * Takes up where the last agent ended.
   *
   * @param inForce sources that are blocked now: what ended while no agent ran is ended here too
   */
  open(inForce: ReadonlySet<Source>): Promise<void>;
  /**
   * Called before a block is put in force.
   *
   * @param probe the one that tripped; absent when a person ordered it
   * @returns what the block has to wait for; undefined when it need not wait
   */
  before(block: LocalBlock, probe: Probe | undefined): Promise<void> | undefined;
  /**
   * Called when a block is in force.
   *
   * @param probe absent when the kernel decided while nobody was reading
   */
  after(block: LocalBlock, probe: Probe | undefined): void;
  /** Called when a block ended, whyever. */
  ended(source: Source): void;
  /** Waits for what runs; what has not begun is left out, and told. */
  close(): Promise<void>;
}

/** For a policy that asks for nothing beside the block. */
export const NO_RESPONDER: Responder = {
  open: async () => {},
  before: () => undefined,
  after: () => {},
  ended: () => {},
  close: async () => {},
};
