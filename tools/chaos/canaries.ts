import type postgres from 'postgres';

/** Each column of ours, and of the platform's tables that we write, in which a text is found: as `table.column`. */
export async function canaries(sql: postgres.Sql, text: string): Promise<string[]> {
  const columns = await sql<{ schema: string; table: string; column: string }[]>`
    select nspname as schema, relname as table, attname as column
    from pg_attribute
    join pg_class on pg_class.oid = attrelid and relkind = 'r'
    join pg_namespace on pg_namespace.oid = relnamespace
    where nspname in ('public', 'private') and attnum > 0 and not attisdropped
      and atttypid in ('text'::regtype, 'varchar'::regtype, 'jsonb'::regtype, 'json'::regtype)
    order by 1, 2, 3`;
  const seen: string[] = [];
  for (const { schema, table, column } of columns) {
    const rows = await sql`
      select from ${sql(`${schema}.${table}`)} where strpos(${sql(column)}::text, ${text}) > 0 limit 1`;
    if (rows.length > 0) seen.push(`${table}.${column}`);
  }
  return seen;
}
