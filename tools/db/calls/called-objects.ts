import type postgres from 'postgres';
import type { CalledFunction, CalledTable } from './calls.ts';

/** The callable objects of schema `public`: all functions, tables and views. */
export interface CalledObjects {
  /** By name. With several functions of one name, PostgREST may not know which one is meant. */
  functions: ReadonlyMap<string, readonly CalledFunction[]>;
  tables: ReadonlyMap<string, CalledTable>;
}

const ROLES = ['anon', 'authenticated', 'service_role'];

/** @param sql one connection. Its search path is emptied, so that types outside of pg_catalog are printed with their schema. */
export async function readCalledObjects(sql: postgres.ISql): Promise<CalledObjects> {
  await sql.unsafe(`set search_path = ''`);
  const functions = await sql<(CalledFunction & { name: string })[]>`
    select proname as name, pg_get_function_result(proc.oid) as returns,
      array(select role from unnest(${sql.array(ROLES)}::text[]) role
        where has_function_privilege(role, proc.oid, 'execute')) as "executableBy",
      coalesce(json_object_agg(parameter, type order by position)
        filter (where position <= pronargs - pronargdefaults), '{}') as required,
      coalesce(json_object_agg(parameter, type order by position)
        filter (where position > pronargs - pronargdefaults), '{}') as optional
    from pg_proc proc
    left join lateral (
      select coalesce(proargnames[position], '$' || position) as parameter, format_type(type, null) as type, position
      from (
        select type, row_number() over (order by place) as position
        from unnest(proargtypes) with ordinality given (type, place)) inputs) parameters on true
    where pronamespace = 'public'::regnamespace and prokind = 'f'
    group by proc.oid
    order by proname`;
  const tables = await sql<(CalledTable & { name: string })[]>`
    select relname as name, json_object_agg(attname, format_type(atttypid, atttypmod) order by attnum) as columns,
      coalesce(array_agg(attname::text order by attnum)
        filter (where attnotnull and not atthasdef and attidentity = '' and attgenerated = ''), '{}') as required,
      (select coalesce(json_object_agg(role, privileges order by role), '{}') from (
        select role, array_agg(privilege order by place) as privileges
        from unnest(${sql.array(ROLES)}::text[]) role,
          unnest(array['select', 'insert', 'update', 'delete']) with ordinality known (privilege, place)
        where case privilege when 'delete' then has_table_privilege(role, class.oid, 'delete')
          else has_any_column_privilege(role, class.oid, privilege) end
        group by role) held) as rights
    from pg_class class
    join pg_attribute on attrelid = class.oid and attnum > 0 and not attisdropped
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm')
    group by class.oid
    order by relname`;
  const byName = new Map<string, CalledFunction[]>();
  for (const { name, ...own } of functions) byName.set(name, [...(byName.get(name) ?? []), own]);
  return { functions: byName, tables: new Map(tables.map(({ name, ...own }) => [name, own])) };
}
