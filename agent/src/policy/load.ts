import { readFile } from 'node:fs/promises';
import { parse, TomlError } from 'smol-toml';
import { z } from 'zod';
import { type Policy, policySchema } from './policy.ts';
import { lineOf } from './toml-lines.ts';

type Path = readonly (string | number)[];

/** A config that cannot be used. `code` is stable; the message names file, line, key, value and what is allowed. */
export class PolicyError extends Error {
  readonly code = 'policy_invalid';
  override readonly name = 'PolicyError';
}

/**
 * Reads a policy from a TOML file.
 *
 * @param mayMiss whether a file that does not exist is the default policy: one that a person names must be there
 * @throws PolicyError for a file that cannot be read, is no TOML, or says something that is not allowed
 */
export async function loadPolicy(file: string, mayMiss: boolean): Promise<Policy> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT' && mayMiss) return '';
    const why = cause.code === 'ENOENT' ? 'there is no such file' : `cannot be read (${cause.code})`;
    throw new PolicyError(`${file}: ${why}`, { cause });
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
  const path = issue.path.filter((part) => typeof part !== 'symbol');
  if (issue.code === 'unrecognized_keys') {
    const allowed = keysAt(path).join(', ');
    return issue.keys
      .map(
        (key) =>
          `${place(file, text, [...path, key])}: unknown key "${name([...path, key])}"; allowed here: ${allowed}`,
      )
      .join('\n');
  }
  return `${place(file, text, path)}: ${name(path)} = ${shown(valueAt(text, path))}: must be ${allowedBy(issue)}`;
}

/** What a schema says of itself; where it says nothing, a table was expected, since each other one has words of its own. */
function allowedBy(issue: z.core.$ZodIssue): string {
  return issue.code === 'invalid_type' && issue.expected === 'object' ? 'a table' : issue.message;
}

/** A path as people write it: `scanner[1].sources[0]`. */
function name(path: Path): string {
  return path
    .map((part, i) => (typeof part === 'number' ? `[${part}]` : `${i === 0 ? '' : '.'}${part}`))
    .join('');
}

/** A value as TOML would have it, nearly: moments, `nan` and `inf` are no JSON. */
function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value instanceof Date) return value.toISOString();
  return typeof value === 'number' ? String(value) : JSON.stringify(value);
}

function valueAt(text: string, path: Path): unknown {
  return path.reduce<unknown>(
    (value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key],
    parse(text),
  );
}

/** The keys that the schema has at a path. */
function keysAt(path: Path): string[] {
  const at = path.reduce<z.core.$ZodType | undefined>((schema, key) => {
    const bare = schema && unwrapped(schema);
    if (bare instanceof z.ZodArray) return bare.element;
    return bare instanceof z.ZodObject ? bare.shape[key] : undefined;
  }, policySchema);
  const table = at && unwrapped(at);
  return table instanceof z.ZodObject ? Object.keys(table.shape) : [];
}

function unwrapped(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional)
    return unwrapped(schema.def.innerType);
  return schema;
}

function place(file: string, text: string, path: Path): string {
  const line = lineOf(text, path);
  return line === undefined ? file : `${file}:${line}`;
}
