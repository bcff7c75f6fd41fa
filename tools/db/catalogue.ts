import type postgres from 'postgres';
import { SCHEMAS } from './rooms.ts';

/** One database object that a source or a migration can change. */
export interface CatalogueEntry {
  /** The object as a person reads it, such as `policy "owners select" on public.things`. */
  key: string;
  kind: 'function' | 'view' | 'table' | 'column' | 'policy' | 'trigger' | 'sequence' | 'schema' | 'default';
  /** The function, view or table that the object belongs to; each source is about one of those. */
  object: string;
  /** For policies and triggers. */
  name: string | null;
  /** Everything that is compared: definition, comment, rights. */
  definition: string;
}

export type Catalogue = ReadonlyMap<string, CatalogueEntry>;

/**
 * Reads all objects in our schemas except those of extensions.
 * @param sql one connection. Its search path is emptied, so that definitions print every name with its schema.
 */
export async function readCatalogue(
  sql: postgres.ISql,
  schemas: readonly string[] = SCHEMAS,
): Promise<Catalogue> {
  await sql.unsafe(`set search_path = ''`);
  const rows = await sql<CatalogueEntry[]>`
    with
    schemas as (select oid, nspname, nspacl, nspowner from pg_namespace where nspname in ${sql([...schemas])}),
    extended as (select classid, objid from pg_depend where deptype = 'e'),
    relations as (
      select class.*, format('%I.%I', nspname, relname) as name
      from pg_class class join schemas on schemas.oid = relnamespace
      where not exists (select from extended where classid = 'pg_class'::regclass and objid = class.oid)),
    functions as (
      select proc.*, format('%I.%I', nspname, proname) as name
      from pg_proc proc join schemas on schemas.oid = pronamespace
      where prokind in ('f', 'p')
        and not exists (select from extended where classid = 'pg_proc'::regclass and objid = proc.oid)),
    entries (key, kind, object, name, definition, comment, acl) as (
      select format('function %s(%s)', name, oidvectortypes(proargtypes)), 'function', name, null,
        pg_get_functiondef(oid), obj_description(oid, 'pg_proc'), coalesce(proacl, acldefault('f', proowner))
      from functions
      union all
      select 'view ' || name, 'view', name, null,
        concat_ws(E'\n', array_to_string(reloptions, ','), pg_get_viewdef(oid)),
        obj_description(oid, 'pg_class'), coalesce(relacl, acldefault('r', relowner))
      from relations where relkind in ('v', 'm')
      union all
      select 'table ' || name, 'table', name, null,
        format('row level security %s, forced %s', relrowsecurity, relforcerowsecurity),
        obj_description(oid, 'pg_class'), coalesce(relacl, acldefault('r', relowner))
      from relations where relkind in ('r', 'p')
      union all
      select format('column %s.%I', name, attname), 'column', name, null,
        concat_ws(' ', format_type(atttypid, atttypmod), case when attnotnull then 'not null' end,
          (select 'default ' || pg_get_expr(adbin, adrelid) from pg_attrdef where adrelid = attrelid and adnum = attnum)),
        col_description(relations.oid, attnum), attacl
      from relations join pg_attribute on attrelid = relations.oid
      where relkind in ('r', 'p', 'v', 'm') and attnum > 0 and not attisdropped
      union all
      select 'sequence ' || sequence.name, 'sequence', coalesce(relations.name, sequence.name), null, '',
        obj_description(sequence.oid, 'pg_class'), coalesce(sequence.relacl, acldefault('s', sequence.relowner))
      from relations sequence
      left join pg_depend on classid = 'pg_class'::regclass and objid = sequence.oid and deptype in ('a', 'i')
        and refclassid = 'pg_class'::regclass
      left join relations on relations.oid = refobjid
      where sequence.relkind = 'S'
      union all
      select format('policy "%s" on %s', polname, name), 'policy', name, polname,
        concat_ws(E'\n', polcmd, polpermissive,
          (select string_agg(case role when 0 then 'public' else role::regrole::text end, ',' order by role::regrole::text)
            from unnest(polroles) role),
          'using', pg_get_expr(polqual, polrelid), 'with check', pg_get_expr(polwithcheck, polrelid)),
        obj_description(policy.oid, 'pg_policy'), null
      from pg_policy policy join relations on relations.oid = polrelid
      union all
      select format('trigger %I on %s', tgname, name), 'trigger', name, tgname,
        concat_ws(E'\n', pg_get_triggerdef(trigger.oid), tgenabled), obj_description(trigger.oid, 'pg_trigger'), null
      from pg_trigger trigger join relations on relations.oid = tgrelid
      where not tgisinternal
      union all
      select 'schema ' || nspname, 'schema', nspname, null, '', obj_description(oid, 'pg_namespace'),
        coalesce(nspacl, acldefault('n', nspowner))
      from schemas
      union all
      select format('default privileges of %s in %s on %s', defaclrole::regrole,
          coalesce(nullif(defaclnamespace, 0)::regnamespace::text, 'all schemas'), defaclobjtype),
        'default', 'default privileges', null, '', null, defaclacl
      from pg_default_acl
      where defaclnamespace = 0 or defaclnamespace in (select oid from schemas))
    select key, kind, object, name,
      concat_ws(E'\n', definition, 'comment: ' || comment,
        'rights: ' || (
          select string_agg(format('%s %s%s', coalesce(nullif(grantee, 0)::regrole::text, 'public'),
              lower(privilege_type), case when is_grantable then ' with grant option' end), ', '
            order by coalesce(nullif(grantee, 0)::regrole::text, 'public'), privilege_type, is_grantable)
          from aclexplode(acl))) as definition
    from entries
    order by key`;
  return new Map(rows.map((row) => [row.key, { ...row }]));
}

/** The keys of the functions that have these signatures. @param sql one connection, as in `readCatalogue` */
export async function functionKeys(
  sql: postgres.ISql,
  signatures: readonly string[],
): Promise<Map<string, string>> {
  const rows = await sql<{ signature: string; key: string }[]>`
    select signature, format('function %I.%I(%s)', nspname, proname, oidvectortypes(proargtypes)) as key
    from unnest(${sql.array([...signatures])}::text[]) signature
    join pg_proc on pg_proc.oid = to_regprocedure(signature)
    join pg_namespace on pg_namespace.oid = pronamespace`;
  return new Map(rows.map(({ signature, key }) => [signature, key]));
}

export interface Change {
  key: string;
  before: CatalogueEntry | undefined;
  after: CatalogueEntry | undefined;
}

/** All entries that differ between the two, by key. */
export function compareCatalogues(before: Catalogue, after: Catalogue): Change[] {
  const keys = [...new Set([...before.keys(), ...after.keys()])].sort();
  return keys
    .map((key) => ({ key, before: before.get(key), after: after.get(key) }))
    .filter((change) => change.before?.definition !== change.after?.definition);
}
