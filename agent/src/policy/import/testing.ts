import { parsePolicy } from '../load.ts';
import { type ImportInput, importPortSentry } from './import.ts';

/** Translates text as if it stood in files of the usual names. */
export const made = (
  conf: string,
  { ignore = '', ...rest }: Partial<Omit<ImportInput, 'ignore'>> & { ignore?: string } = {},
) =>
  importPortSentry({
    conf: { name: 'portsentry.conf', text: conf },
    ignore: [{ name: 'portsentry.ignore', text: ignore }],
    interfaces: [],
    own: [],
    ...rest,
  });

/** The policy that comes of it. */
export const policyOf = (...args: Parameters<typeof made>) => parsePolicy(made(...args).toml, 'picket.toml');

/** What is told of it, with the line that it is about. */
export const wordsOf = (...args: Parameters<typeof made>) =>
  made(...args).remarks.map(({ kind, at, words }) => `${kind} ${at?.file ?? ''}:${at?.line ?? ''} ${words}`);
