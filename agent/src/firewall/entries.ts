import type { Family, Source, Tier } from '@picket/protocol';
import type { Command } from '../run/runner.ts';
import type { StandIn } from '../run/staying-runner.ts';
import type { Stance } from './firewall.ts';

/** A refused source as a system's firewall holds it. */
export interface Entry {
  readonly source: Source;
  readonly tier: Tier;
  /** Unix ms; absent where the system keeps no end, and the agent has to end the entry. */
  readonly untilMs?: number;
  readonly origin: 'local' | 'shared';
  /** Packets refused so far, where the system counts them. */
  readonly packets?: number;
  /** Others took a part of it away: it is to be made again. */
  readonly isBroken?: boolean;
}

/** One command of a change, and what it may say when the work is done already. */
export interface Step {
  readonly command: Command;
  /** A look that makes the command needless when it succeeds, for programs that would do the same work twice. */
  readonly unless?: Command;
  /**
   * Matches the words of a failure that is none: the entry exists, or is gone. Words are the standard error, or where
   * that is empty the output: `route` of most systems tells there.
   */
  readonly fine?: RegExp;
  /** Words on its standard error are a failure whatever the exit status says: `ipf` ends with 0 always. */
  readonly isJudgedByWords?: boolean;
}

/** What others did to what was set up. */
export interface Damage {
  /** Names what was found, for a person. */
  readonly words: string;
  /** What is to be done before all is set up again, which leaves entries alone. */
  readonly steps: readonly Step[];
}

/** Which entries are asked for. */
export type Scope = 'all' | 'local';

/**
 * A firewall that holds a list of sources, as commands. Pure: it describes, and `entry-firewall.ts` runs it. Each verb
 * may be carried out twice.
 */
export interface EntryCommands {
  readonly name: string;
  /** Whether local and shared entries are held apart; else a source that is both is held once. */
  readonly keepsApart: boolean;
  /** Whether the system ends entries by itself. Then `add` moves the end of an entry that is there. */
  readonly keepsEnds?: boolean;
  /** The one tier of all its entries, where it has no two. */
  readonly onlyTier?: Tier;
  /** Families of addresses that it knows on this host; both when absent. */
  readonly families?: readonly Family[];
  /** Most entries that it may hold; the network's list gets at most half of them. No bound when absent. */
  readonly most?: number;
  /** What makes its small changes where a program may stay; without it the commands are the same. */
  readonly standIn?: StandIn;
  /** Makes tables and hooks without touching entries that are there; blocks nobody by itself. */
  setUp(stance: Stance): readonly Step[];
  /**
   * What to ask for the entries; a failure means that what was set up is gone.
   *
   * @param scope `local`: a long shared list need not be told, but the answer still shows whether all is whole
   */
  list(scope: Scope): readonly Command[];
  /**
   * Why nothing would be refused although all is set up, as far as only an administrator can change it; read from the
   * answers to {@link list}.
   */
  refusal?(outputs: readonly string[]): string | undefined;
  /**
   * What others did to what was set up, where the backend can tell it to the letter: read from the answers to {@link list}
   * before they are parsed. Whom somebody allowed by hand is none of Picket's rules.
   */
  damage?(outputs: readonly string[], stance: Stance): Damage | undefined;
  /** Reads the answers to {@link list}; undefined when the hooks or tables in them are not whole. */
  parse(outputs: readonly string[], nowMs: number): Entry[] | undefined;
  add(entries: readonly Entry[], nowMs: number): readonly Step[];
  remove(entries: readonly Entry[]): readonly Step[];
  /**
   * Removes all, also when nothing is there.
   *
   * @param found the entries that the system tells; none when it does not tell them
   */
  tearDown(found: readonly Entry[]): readonly Step[];
}
