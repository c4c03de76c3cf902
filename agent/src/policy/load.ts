import { readFile } from 'node:fs/promises';
import { parse, TomlError } from 'smol-toml';
import type { z } from 'zod';
import { type Policy, policySchema } from './policy.ts';

/** A config that cannot be used. `code` is stable; the message names file, line, key, value and what is allowed. */
export class PolicyError extends Error {
  readonly code = 'policy_invalid';
  override readonly name = 'PolicyError';
}

/**
 * Reads a policy from a TOML file; a file that does not exist is the default policy.
 *
 * @throws PolicyError for a file that cannot be read, is no TOML, or says something that is not allowed
 */
export async function loadPolicy(file: string): Promise<Policy> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return '';
    throw new PolicyError(`${file}: cannot be read (${cause.code})`, { cause });
  });
  return parsePolicy(text, file);
}

/** Reads a policy from TOML text; `file` is only for the messages. */
export function parsePolicy(text: string, file: string): Policy {
  const parsed = policySchema.safeParse(parseToml(text, file));
  if (parsed.success) return parsed.data;
  throw new PolicyError(parsed.error.issues.map((issue) => describe(issue, text, file)).join('\n'));
}

function parseToml(text: string, file: string): Record<string, unknown> {
  try {
    return parse(text);
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    throw new PolicyError(`${file}:${cause.line}: ${cause.message.split('\n')[0]}`, { cause });
  }
}

function describe(issue: z.core.$ZodIssue, text: string, file: string): string {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys
      .map((key) => {
        const path = [...issue.path.map(String), key];
        return `${place(file, text, path)}: unknown key "${path.join('.')}"; allowed here: ${keysAt(issue.path)}`;
      })
      .join('\n');
  }
  const path = issue.path.map(String);
  const value = valueAt(text, issue.path);
  return `${place(file, text, path)}: ${path.join('.')} = ${JSON.stringify(value)}: must be ${issue.message}`;
}

function valueAt(text: string, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key],
    parse(text),
  );
}

function keysAt(path: readonly PropertyKey[]): string {
  const defaults = policySchema.parse({});
  const at = path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown>)[key], defaults);
  return Object.keys(at as object).join(', ');
}

/** `file:line` of a key, found by its section header and name; only the file when it stands in another form. */
function place(file: string, text: string, path: readonly string[]): string {
  const key = path.filter((part) => !/^\d+$/.test(part));
  const [section, name] = key.length > 1 ? [key[0], key[1]] : [undefined, key[0]];
  let current: string | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    current = /^\s*\[([^\]]+)\]/.exec(line)?.[1]?.trim() ?? current;
    const found = /^\s*"?([\w-]+)"?\s*=/.exec(line)?.[1];
    const isHeader = section === undefined && /^\s*\[/.test(line) && current === name;
    if (isHeader || (found === name && current === section)) return `${file}:${index + 1}`;
  }
  return file;
}
