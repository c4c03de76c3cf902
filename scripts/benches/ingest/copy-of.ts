/** A column and its type, as PostgreSQL names it. */
export type Column = { name: string; type: string };

/** Sources of a history lie among those of the plans, so that a new one falls between old ones; but they are even. */
const FIRST_SOURCE = '20.0.0.0';
const SOURCES = 2 ** 29;

/** Times a source's number, modulo a power of two, it is one to one and in no order. */
const SPREAD = 2_654_435_761;

/** Seconds by which a copy is older than what it is a copy of: from a day to the retention ($5) without its first hours. */
const OLDER = `86400 + ($5::float8 - 2 * 86400) * ($4::int8 - k)::float8 / ($4::int8 - $3::int8)`;

/**
 * A statement that adds copies $1 to $2 (not included) of a table's seeds, of $3 to $4 in all, over $5 seconds. It knows
 * columns by name and type, so that it holds for tables of several forms.
 */
export function copyOf(table: string, columns: readonly Column[]): string {
  const hasSource = columns.some(({ name }) => name === 'source');
  const values = columns.map((column) => valueIn(column));
  return `
    insert into "${table}" (${columns.map(({ name }) => `"${name}"`).join(', ')})
    select ${values.join(', ')}
    from generate_series($1::int8, $2::int8 - 1) k
      cross join lateral (select make_interval(secs => ${OLDER}) as older) o
      cross join "seed_${table}" s
      ${hasSource ? `join seed_rank r using (source) cross join lateral (select '${FIRST_SOURCE}'::inet + (k * r.sources + r.rank) * ${SPREAD} % ${SOURCES} * 2 as address) a` : ''}`;
}

function valueIn({ name, type }: Column): string {
  if (name === 'source') return 'host(a.address)::cidr';
  if (name === 'address') return 'a.address';
  if (name === 'told_rev') return 's.news_rev';
  if (name === 'token' || name === 'packed') return `''::${type}`;
  if ((name === 'id' || name === 'jti') && type === 'uuid') return olderUuid7(`s."${name}"`);
  if (type === 'timestamptz') return `date_trunc('milliseconds', s."${name}" - o.older)`;
  return `s."${name}"`;
}

/** A UUIDv7 of an earlier time, with other random bits for each copy (RFC 9562 section 5.7). */
function olderUuid7(id: string): string {
  const hex = `replace(${id}::text, '-', '')`;
  const ms = `('x' || substr(${hex}, 1, 12))::bit(48)::int8 - (extract(epoch from o.older) * 1000)::int8`;
  const random = `md5(${id}::text || k)`;
  return `(lpad(to_hex(${ms}), 12, '0') || '7' || substr(${random}, 1, 3) || '8' || substr(${random}, 4, 15))::uuid`;
}
