import { parseSource, type Source } from '@picket/protocol';
import { z } from 'zod';
import { TOKENS, type TokenValues } from '../policy/command-template.ts';

/** Where it is kept what commands have run. */
export const ledgerPath = (stateDir: string): string => `${stateDir}/commands.json`;

/** Most blocks remembered: beyond it no command runs, since its end could not be kept. */
export const MOST_REMEMBERED = 20_000;

const valuesSchema = z.record(z.enum(TOKENS), z.string().max(64));

const savedSchema = z
  .array(z.tuple([z.string().refine((text) => parseSource(text) === text), valuesSchema]))
  .max(MOST_REMEMBERED);

/** The blocks for which a command has run, with what it was told, until they end. */
export type Ledger = ReadonlyMap<Source, TokenValues>;

/** A ledger as text, for a file. */
export function formatLedger(ledger: Ledger): string {
  return JSON.stringify([...ledger]);
}

/** Reads what {@link formatLedger} wrote; undefined for anything else. */
export function parseLedger(text: string): Map<Source, TokenValues> | undefined {
  try {
    return new Map(savedSchema.parse(JSON.parse(text)));
  } catch {
    return undefined;
  }
}
