import fc from 'fast-check';
import { expect, it } from 'vitest';
import { TOKENS, type TokenValues } from '../policy/command-template.ts';
import { formatLedger, parseLedger } from './ledger.ts';

it('reads what it wrote, and nothing else', () => {
  const values = fc.record(Object.fromEntries(TOKENS.map((token) => [token, fc.string({ maxLength: 64 })])));
  const ledgers = fc
    .array(fc.tuple(fc.ipV4(), values as fc.Arbitrary<TokenValues>))
    .map((all) => new Map(all));
  fc.assert(
    fc.property(ledgers, fc.string(), (ledger, text) => {
      expect(parseLedger(formatLedger(ledger))).toEqual(ledger);
      expect(parseLedger(`{${text}`)).toBeUndefined();
    }),
  );
});
