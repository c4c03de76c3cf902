import { templateFault } from '../command-template.ts';

/** A command line of PortSentry as `command.argv` and `command.shell`. */
export interface Translated {
  readonly argv: readonly string[];
  readonly shell: boolean;
}

/** PortSentry's tokens (portsentry.conf(5)) and ours. */
const TOKENS: readonly (readonly [string, string])[] = [
  ['$TARGET$', '{address}'],
  ['$PORT$', '{port}'],
  ['$MODE$', '{mode}'],
];

/** Words and simply quoted texts, nothing of which means anything more to a shell (POSIX.1-2017, 2.2). */
const PLAIN = /^(?:[\w./:=@%+,{}-]+|'[^']*')$/;

/** `command.argv` takes no more, and no longer ones. */
const [MOST_WORDS, MOST_LENGTH] = [64, 4_096];

/**
 * A command line with our tokens: a list of words where that is the same, else for a shell, which read all of PortSentry's.
 *
 * @returns undefined for one that the policy would not take
 */
export function translateCommand(text: string): Translated | undefined {
  const ours = withTokens(text.trim());
  const words = ours.match(/'[^']*'|[^\s']+|'/g) ?? [];
  // Quotes in the middle of a word join what stands beside them, which the words do not tell any more.
  const isPlain = words.every((word) => PLAIN.test(word)) && !/[^\s]'[^']*'|'[^']*'[^\s]/.test(ours);
  const isShort = words.length <= MOST_WORDS;
  const made: Translated =
    isPlain && isShort
      ? { argv: words.map((word) => word.replace(/^'([^']*)'$/, '$1')), shell: false }
      : { argv: [ours], shell: true };
  return made.argv.every(isTaken) && made.argv[0] !== '' && made.argv.length > 0 ? made : undefined;
}

/** Braces that PortSentry gave no meaning keep none. */
function withTokens(text: string): string {
  const literal = text.replace(/\{[a-z_]+\}/g, '{$&}');
  return TOKENS.reduce((line, [theirs, ours]) => line.replaceAll(theirs, ours), literal);
}

function isTaken(argument: string): boolean {
  return argument.length <= MOST_LENGTH && !argument.includes('\0') && templateFault(argument) === undefined;
}

/** Programs that do nothing but change routes or a packet filter. */
const FIREWALL_PROGRAMS = new Set([
  ...['route', 'ip', 'iptables', 'ip6tables', 'ipchains', 'ipfwadm', 'ipset', 'nft', 'ufw', 'firewall-cmd'],
  // As the example of 2.x calls nft.
  'nftables',
  ...['ipfw', 'ipf', 'pfctl', 'npfctl'],
]);

/** Whether each command of a line is one that a firewall of Picket's own does in its place; `echo` feeds such a one. */
export function isFirewallCommand(text: string): boolean {
  const commands = text.split(/&&|\|\||[;|\n]/).map((part) => programOf(part));
  const others = commands.filter((program) => !FIREWALL_PROGRAMS.has(program));
  return commands.length > others.length && others.every((program) => program === 'echo');
}

function programOf(command: string): string {
  const [program = ''] = command
    .trim()
    .replace(/^sudo\s+(?:-n\s+)?/, '')
    .split(/\s/);
  return program.replace(/^.*\//, '');
}
