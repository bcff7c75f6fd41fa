import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type postgres from 'postgres';
import { z } from 'zod';
import { platformFolder, type PlatformState } from './platform.ts';

const lines = z.array(z.string());
const platformCatalogue = z.object({
  tables: z.record(
    z.string(),
    z.object({ columns: lines, constraints: lines, indexes: lines, policies: lines, triggers: lines }),
  ),
  functions: lines,
  types: lines,
  authTriggers: lines,
});
/** What the platform's own migrations make, one line for each thing. */
export type PlatformCatalogue = z.infer<typeof platformCatalogue>;

/** What came after 20240101000011. */
const LATER = {
  table: /^(polaris_job|starmap_job)/,
  function:
    /^(enforce_edit_limit|toggle_report_public_status|update_polaris_jobs_updated_at|update_report_versions|update_starmap_jobs_updated_at)\(/,
  type: /^(polaris_job|starmap_job)/,
  line: /is_public/,
};

/** The catalogue of the real platform, as it stands in a state. */
export async function recordedCatalogue(state: PlatformState): Promise<PlatformCatalogue> {
  const whole = platformCatalogue.parse(
    JSON.parse(await readFile(join(platformFolder, 'catalogue.json'), 'utf8')),
  );
  if (state !== 'history to 11') return whole;
  const early = (all: string[]) => all.filter((line) => !LATER.line.test(line));
  return {
    tables: Object.fromEntries(
      Object.entries(whole.tables)
        .filter(([name]) => !LATER.table.test(name))
        .map(([name, table]) => [
          name,
          {
            ...table,
            columns: early(table.columns),
            indexes: early(table.indexes),
            policies: early(table.policies),
          },
        ]),
    ),
    functions: whole.functions.filter((line) => !LATER.function.test(line)),
    types: whole.types.filter((line) => !LATER.type.test(line)),
    authTriggers: whole.authTriggers,
  };
}

/** The same of a database: everything that stands in its schema `public`, and the triggers on `auth.users`. */
export async function readPlatformCatalogue(sql: postgres.Sql): Promise<PlatformCatalogue> {
  const [row] = await sql`
    with relations as (
      select oid, relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'),
    listed as (
      select relname as name, 'columns' as kind, attnum as place,
        format('%s %s%s%s', attname, format_type(atttypid, atttypmod), case when attnotnull then ' not null' end,
          ' default ' || pg_get_expr(adbin, adrelid)) as line
      from relations
      join pg_attribute on attrelid = oid and attnum > 0 and not attisdropped
      left join pg_attrdef on adrelid = attrelid and adnum = attnum
      union all
      select relname, 'constraints', 0, format('%s: %s', conname, pg_get_constraintdef(pg_constraint.oid))
      from relations join pg_constraint on conrelid = relations.oid
      union all
      select relname, 'indexes', 0, pg_get_indexdef(indexrelid) from relations join pg_index on indrelid = oid
      union all
      select relname, 'policies', 0, format('%s | %s | to %s | using %s | check %s', policyname, cmd,
        array_to_string(roles, ', '), coalesce(qual, '-'), coalesce(with_check, '-'))
      from relations join pg_policies on schemaname = 'public' and tablename = relname
      union all
      select relname, 'triggers', 0, pg_get_triggerdef(pg_trigger.oid)
      from relations join pg_trigger on tgrelid = relations.oid and not tgisinternal),
    kinds as (
      select name, kind, jsonb_agg(line order by place, line collate "C") as lines from listed group by name, kind)
    select
      (select jsonb_object_agg(relname,
          '{"columns": [], "constraints": [], "indexes": [], "policies": [], "triggers": []}'::jsonb
          || coalesce((select jsonb_object_agg(kind, lines) from kinds where name = relname), '{}'))
        from relations) as tables,
      (select jsonb_agg(format('%s(%s) returns %s, %s%s', proname, pg_get_function_arguments(pg_proc.oid),
          pg_get_function_result(pg_proc.oid), lanname, case when prosecdef then ', security definer' end)
          order by proname collate "C")
        from pg_proc join pg_language on pg_language.oid = prolang
        where pronamespace = 'public'::regnamespace) as functions,
      (select jsonb_agg(format('%s: %s', typname,
          (select string_agg(enumlabel, ', ' order by enumsortorder) from pg_enum where enumtypid = pg_type.oid))
          order by typname collate "C")
        from pg_type where typnamespace = 'public'::regnamespace and typtype = 'e') as types,
      (select jsonb_agg(pg_get_triggerdef(oid) order by tgname)
        from pg_trigger where tgrelid = 'auth.users'::regclass and not tgisinternal) as "authTriggers"`;
  return platformCatalogue.parse(row);
}
