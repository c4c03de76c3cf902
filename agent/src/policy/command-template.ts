/** What a command is told of a block, as `{NAME}` in its arguments. */
export const TOKENS = ['address', 'source', 'port', 'transport', 'technique', 'mode', 'until'] as const;

/** What the tokens become. */
export type TokenValues = Readonly<Record<(typeof TOKENS)[number], string>>;

/** `{{name}}` stands for `{name}` itself; other braces, as in JSON and in shells, mean nothing here. */
const TOKEN = /\{(\{[a-z_]+\})\}|(\$?)\{([a-z_]+)\}/g;

/**
 * All that values are made of: addresses, networks, ports, words and times. Nothing of it means anything to a shell
 * (POSIX.1-2017, 2.2), to whatever reads arguments, or at the end of a line.
 */
const HARMLESS = /^[0-9A-Za-z:][0-9A-Za-z.:/-]{0,63}$/;

/** What is wrong with an argument, in words; undefined when nothing is. */
export function templateFault(text: string): string | undefined {
  for (const [whole, , dollar, name = ''] of text.matchAll(TOKEN)) {
    if (whole.startsWith('{{')) continue;
    if (!isToken(name))
      return `without "${whole}"; allowed are ${TOKENS.map((one) => `{${one}}`).join(', ')}`;
    if (dollar !== '') return `"{${name}}" without the "$"`;
  }
  return undefined;
}

/** An argument with the values in place of the tokens. Throws a TypeError for values that nobody could have checked. */
export function fillTemplate(text: string, values: TokenValues): string {
  return text.replace(TOKEN, (_whole, literal: string | undefined, _dollar, name: string) => {
    if (literal !== undefined) return literal;
    const value = isToken(name) ? values[name] : '';
    if (!HARMLESS.test(value)) throw new TypeError(`{${name}} has a value that no command is given`);
    return value;
  });
}

function isToken(name: string): name is keyof TokenValues {
  return (TOKENS as readonly string[]).includes(name);
}
