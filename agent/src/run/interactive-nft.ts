import { type MarkedChild, startMarkedChild } from './marked-child.ts';

/** `nft -i` as a child: one line is one transaction, done in 0.5 ms instead of the 4 to 10 that a process of its own takes. */
export type InteractiveNft = MarkedChild;

/**
 * Starts it.
 *
 * @param argv the command, `nft -i`
 */
export function startInteractiveNft(argv: readonly [string, ...string[]]): InteractiveNft {
  // Without a home of its own nft leaves no file of what was typed.
  const env = { HOME: '/nonexistent' };
  return startMarkedChild({ argv, name: 'nft -i', env, mark: (word) => word, complaint: endOf });
}

/** nft's complaint about a mark: what is wrong, the line itself, and carets below it. */
function endOf(mark: string): RegExp {
  return new RegExp(`(?:^|(?<=\\n))Error: syntax error[^\\n]*\\n${mark}\\n *\\^*\\n`);
}
