/** Control characters and lone surrogates: PostgreSQL stores neither NUL nor half a character, terminals obey others. */
const UNSTORABLE = /[\p{Cc}\p{Cs}]/u;
const EACH_UNSTORABLE = new RegExp(UNSTORABLE, 'gu');

/** The value with every such character in its strings and keys replaced by U+FFFD: itself when there is none. Only JSON values. */
export function cleanText<T>(value: T): T {
  return isClean(value) ? value : (cleaned(value) as T);
}

function isClean(value: unknown): boolean {
  if (typeof value === 'string') return !UNSTORABLE.test(value);
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return value.every(isClean);
  return Object.entries(value).every(([key, inner]) => isClean(key) && isClean(inner));
}

function cleaned(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(EACH_UNSTORABLE, '\uFFFD');
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(cleaned);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [cleaned(key), cleaned(inner)]));
}
