import { expect, it } from 'vitest';
import { parsePolicy } from './load.ts';
import { policyWarnings } from './warnings.ts';

const warnings = (config: string, engine: string) =>
  policyWarnings(parsePolicy(config, 'picket.toml'), engine);

it('says what an engine cannot give that the policy asks for', () => {
  const strict = '[block]\nevidence = "handshake"\nestablished = "cut"\nclients = "any"';
  expect(warnings(strict, 'kernel')).toEqual([
    expect.stringContaining('block.evidence = "handshake": the engine kernel proves no address'),
    expect.stringContaining('block.established = "cut"'),
  ]);
  expect(warnings(strict, 'connect')).toEqual([]);
  expect(warnings('', 'kernel')).toEqual([]);
  expect(warnings('', 'connect')).toEqual([expect.stringContaining('knows no clients')]);
});
