import type { BlockEntry, Cidr, Source } from '@picket/protocol';
import type { Log } from '../report/log.ts';
import type { AcceptedList } from './accept.ts';
import type { ListState } from './list-state.ts';
import { backOffMs } from './retry.ts';

/** A list to put in force: the whole of what is wanted, and what is in force and no longer wanted. */
export interface DesiredList {
  readonly version: number;
  readonly epoch: string | undefined;
  /** Ends are in the host's clock. */
  readonly entries: ReadonlyMap<Source, BlockEntry>;
  /** As the collector signed them; see {@link AcceptedList}. */
  readonly signed: ReadonlyMap<Source, BlockEntry>;
  readonly allow: readonly Cidr[];
  readonly hosts: readonly Cidr[];
  readonly removed: readonly Source[];
  readonly observe?: AcceptedList['observe'];
}

/** Puts a list in force; throws when it could not. */
export type ApplyBlockList = (list: DesiredList) => Promise<void>;

/** What an applier works with. */
export interface ApplierOptions {
  /** Decides what of a list this host takes. */
  readonly accept: (state: ListState) => Promise<AcceptedList>;
  readonly apply: ApplyBlockList;
  readonly log: Log;
  /** Called each time a list came in force. */
  readonly onApplied: (list: AcceptedList) => void;
  readonly retryMs?: (failures: number) => number;
}

/** Decides on the newest list and puts it in force, one at a time, and again until it is. */
export class Applier {
  readonly #options: ApplierOptions;
  #wanted: ListState | undefined;
  /** The list that `#inForce` came of. */
  #done: ListState | undefined;
  #inForce: AcceptedList | undefined;
  #failures = 0;
  #work: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(options: ApplierOptions) {
    this.#options = options;
  }

  /** The list in force, if any came to be. */
  get inForce(): AcceptedList | undefined {
    return this.#inForce;
  }

  /** From now on this list is wanted; resolves after the first try. */
  async want(list: ListState): Promise<void> {
    this.#wanted = list;
    this.#wake();
    await this.#work;
  }

  /** Ends after the try that is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#work;
  }

  #wake(): void {
    clearTimeout(this.#timer);
    if (!this.#isStopped) this.#work ??= this.#run();
  }

  async #run(): Promise<void> {
    try {
      while (this.#wanted !== undefined && this.#wanted !== this.#done && !this.#isStopped) {
        await this.#put(this.#wanted);
      }
    } catch (error) {
      this.#failures += 1;
      const waitMs = (this.#options.retryMs ?? backOffMs)(this.#failures);
      this.#options.log.error('the block list is not in force; it is tried again', { error, waitMs });
      this.#timer = setTimeout(() => this.#wake(), waitMs).unref();
    } finally {
      this.#work = undefined;
    }
  }

  async #put(state: ListState): Promise<void> {
    const list = await this.#options.accept(state);
    const { version, epoch, entries, signed, allow, hosts, observe } = list;
    const before = this.#inForce?.entries ?? new Map<Source, BlockEntry>();
    const removed = [...before.keys()].filter((source) => !entries.has(source));
    await this.#options.apply({ version, epoch, entries, signed, allow, hosts, removed, observe });
    this.#inForce = list;
    this.#done = state;
    this.#failures = 0;
    this.#options.onApplied(list);
  }
}
