import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Source } from '@picket/protocol';
import { PATTERNS_FOLDER } from '../policy/needs.ts';
import type { Policy } from '../policy/policy.ts';
import { changeFile, readFound } from './hosts-deny-file.ts';
import { rewrite, type Style, sourceOf, takeApart } from './hosts-deny-lines.ts';

/** What is let go of, and where. */
export interface Clearing {
  /** Which sources; all when absent. */
  readonly isMeant?: (source: Source) => boolean;
  /** Files that are left as they are. */
  readonly except?: readonly string[];
  /** The folder of files of patterns, whose every file is ours. */
  readonly folder?: string;
}

/**
 * Takes sources out of the files of TCP wrappers that an agent may have written: the one of the policy, and those of
 * patterns in the folder of the service. Lines of others stay byte for byte, and a file without lines of ours is not
 * written at all.
 *
 * @returns the sources that were found
 * @throws FirewallError for a file that cannot be changed
 */
export async function clearHostsDeny(
  { file, daemons, patterns }: Policy['hosts_deny'],
  { isMeant = () => true, except = [], folder = PATTERNS_FOLDER }: Clearing = {},
): Promise<Source[]> {
  const names = await readdir(folder).catch(() => []);
  const files = new Set([file, ...names.map((name) => join(folder, name))]);
  const found: Source[] = [];
  for (const path of files) {
    if (except.includes(path)) continue;
    const isList = dirname(path) === folder || (patterns && path === file);
    const style = { daemons, needsDeny: basename(path) === 'hosts.allow' };
    const take = (text: string) => (isList ? fromList(text, isMeant) : fromRules(text, isMeant, style));
    const { gone } = take((await readFound(path)).text ?? '');
    if (gone.length > 0) await changeFile(path, (text) => text && take(text).rest);
    found.push(...gone);
  }
  return found;
}

type IsMeant = NonNullable<Clearing['isMeant']>;

/** Of a file of patterns: a line that is none stays. */
function fromList(text: string, isMeant: IsMeant) {
  const gone: Source[] = [];
  const rest = text.split('\n').filter((line) => {
    const source = sourceOf(line);
    if (source === undefined || !isMeant(source)) return true;
    gone.push(source);
    return false;
  });
  return { gone, rest: rest.join('\n') };
}

/** Of a file with rules: the marked ones alone are ours. */
function fromRules(text: string, isMeant: IsMeant, style: Style) {
  const { ours } = takeApart(text);
  const gone = ours.map(({ source }) => source).filter(isMeant);
  const kept = ours.filter(({ source }) => !isMeant(source));
  return { gone, rest: rewrite(text, kept, style) };
}
