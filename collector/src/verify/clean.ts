/** Control characters and lone surrogates: PostgreSQL stores neither NUL nor half a character, terminals obey others. */
const UNSTORABLE = /[\p{Cc}\p{Cs}]/gu;

/** The value with every such character in its strings and keys replaced by U+FFFD. Only JSON values. */
export function cleanText<T>(value: T): T {
  if (typeof value === 'string') return value.replace(UNSTORABLE, '\uFFFD') as T;
  if (Array.isArray(value)) return value.map(cleanText) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [cleanText(key), cleanText(inner)]),
  ) as T;
}
