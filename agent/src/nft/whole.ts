import { TABLE } from './names.ts';
import type { RulesetPolicy } from './ruleset-policy.ts';

/**
 * Script lines that ask whether rules are where they belong, to be run with `nft --check`: what a rule uses cannot be
 * deleted ("Device or resource busy"), so that who finds it deletable finds the rules gone. `list chain` would tell
 * more, and reads every element of every set first: 0.6 s beside a list of 100,000, instead of 5 ms.
 */
export function wholeLines({ detects }: RulesetPolicy, enforce: boolean): string[] {
  const used = [
    ...(enforce ? ['counter held', 'counter dropped'] : ['set allow4']),
    ...(detects ? ['counter probes'] : []),
  ];
  return used.map((each) => `delete ${each.replace(' ', ` ${TABLE} `)}`);
}

/** Whether an answer to such lines says that all are in use. */
export function saysWhole(words: string, lines: readonly string[]): boolean {
  return [...words.matchAll(/resource busy/gi)].length === lines.length;
}
