import type { Sql } from '@picket/db';

/** Memory for sorting while indexes are built again. */
const SORT_MEMORY = '512MB';

/**
 * Does something to tables while they have no keys and no indexes, and makes these again: much faster than keeping them
 * for many rows. Foreign keys come back unverified, but hold for all that follows.
 */
export async function withoutIndexes(
  sql: Sql,
  tables: readonly string[],
  work: () => Promise<void>,
): Promise<void> {
  const constraints = await sql<{ table: string; name: string; text: string }[]>`
    select t.relname as table, c.conname as name, pg_get_constraintdef(c.oid)
      -- Of a partitioned table PostgreSQL knows no unverified ones.
      || case when c.contype = 'f' and t.relkind = 'r' then ' not valid' else '' end as text
    from pg_constraint c join pg_class t on t.oid = c.conrelid
    where t.relname = any(${[...tables]}) and c.contype in ('p', 'u', 'f')
    -- Keys before what refers to them.
    order by c.contype = 'f', name`;
  const indexes = await sql<{ name: string; text: string }[]>`
    select i.relname as name, pg_get_indexdef(i.oid) as text
    from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class t on t.oid = x.indrelid
    where t.relname = any(${[...tables]})
      and not exists (select from pg_constraint c where c.conindid = i.oid and c.contype in ('p', 'u'))`;
  for (const { name } of indexes) await sql`drop index ${sql(name)}`;
  for (const { table, name } of constraints.toReversed())
    await sql.unsafe(`alter table "${table}" drop constraint "${name}"`);
  await work();
  await sql`select set_config('maintenance_work_mem', ${SORT_MEMORY}, false)`;
  for (const { table, name, text } of constraints)
    await sql.unsafe(`alter table "${table}" add constraint "${name}" ${text}`);
  // Of a partitioned table the text says ONLY, which would leave the partitions without.
  for (const { text } of indexes) await sql.unsafe(text.replace(' ON ONLY ', ' ON '));
}
