import type postgres from 'postgres';

/** A database object, with everything about it that could be changed. */
interface Entry {
  /** The object as a person reads it, such as `policy "operators read" on public.report_jobs`. */
  key: string;
  /** The table, view, function or type that it is or belongs to. Null: the whole database or server. */
  object: string | null;
  definition: string;
  owner: string | null;
  rights: string | null;
  comment: string | null;
}

export type WholeCatalogue = ReadonlyMap<string, Entry>;

/**
 * Reads everything that a migration could touch: the database's schemas, relations, columns, defaults, constraints,
 * indexes, policies, triggers, rules, functions, types, sequences, their owners, rights and comments; default
 * privileges, publications, extensions, event triggers; and the server's roles, memberships and settings. The history
 * of migrations is left out.
 */
export async function readWholeCatalogue(sql: postgres.Sql): Promise<WholeCatalogue> {
  // In a transaction, so that only this connection loses its search path: names then come with their schemas.
  const rows = await sql.begin(async (transaction) => {
    await transaction`set local search_path = ''`;
    return transaction<Entry[]>`
      with
      schemas as (
        select * from pg_namespace
        where nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'supabase_migrations')
          and nspname !~ '^pg_(toast_)?temp_'),
      relations as (
        select pg_class.*, format('%I.%I', nspname, relname) as name
        from pg_class join schemas on schemas.oid = relnamespace),
      tables as (select * from relations where relkind in ('r', 'p', 'v', 'm', 'f', 'c')),
      entries (key, object, definition, owner, acl, comment) as (
        select 'schema ' || nspname, null, '', nspowner, coalesce(nspacl, acldefault('n', nspowner)),
          obj_description(oid, 'pg_namespace')
        from schemas
        union all
        select format('%s %s', case relkind when 'r' then 'table' when 'p' then 'partitioned table' when 'v' then 'view'
            when 'm' then 'materialized view' when 'f' then 'foreign table' else 'composite type' end, name), name,
          format('row level security %s, forced %s, persistence %s, replica identity %s, view %s',
            relrowsecurity, relforcerowsecurity, relpersistence, relreplident,
            case when relkind in ('v', 'm') then pg_get_viewdef(oid) end),
          relowner, coalesce(relacl, acldefault('r', relowner)), obj_description(oid, 'pg_class')
        from tables
        union all
        select format('options of %s', name), name, reloptions::text, null, null, null from tables
        union all
        select format('column %s.%I', name, attname), name,
          concat_ws(' ', format_type(atttypid, atttypmod), case when attnotnull then 'not null' end,
            case attgenerated when 's' then 'generated as' else 'default' end || ' ' || pg_get_expr(adbin, adrelid),
            'identity ' || nullif(attidentity::text, ''),
            'statistics ' || nullif(attstattarget, -1)::text),
          null, attacl, col_description(attrelid, attnum)
        from tables
        join pg_attribute on attrelid = tables.oid and attnum > 0 and not attisdropped
        left join pg_attrdef on adrelid = attrelid and adnum = attnum
        union all
        select format('constraint %I on %s', conname, name), name,
          format('%s, validated %s', pg_get_constraintdef(pg_constraint.oid), convalidated), null, null,
          obj_description(pg_constraint.oid, 'pg_constraint')
        from tables join pg_constraint on conrelid = tables.oid
        union all
        select format('index %s on %s', indexrelid::regclass, name), name,
          format('%s, valid %s', pg_get_indexdef(indexrelid), indisvalid), null, null,
          obj_description(indexrelid, 'pg_class')
        from tables join pg_index on indrelid = tables.oid
        union all
        select format('policy "%s" on %s', polname, name), name,
          format('%s %s to %s using %s check %s', polpermissive, polcmd,
            (select string_agg(coalesce(nullif(role, 0)::regrole::text, 'public'), ', ' order by role)
              from unnest(polroles) role),
            pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)),
          null, null, obj_description(pg_policy.oid, 'pg_policy')
        from tables join pg_policy on polrelid = tables.oid
        union all
        select format('trigger %I on %s', tgname, name), name,
          format('%s, enabled %s', pg_get_triggerdef(pg_trigger.oid), tgenabled), null, null,
          obj_description(pg_trigger.oid, 'pg_trigger')
        from tables join pg_trigger on tgrelid = tables.oid and not tgisinternal
        union all
        select format('rule %I on %s', rulename, name), name, pg_get_ruledef(pg_rewrite.oid), null, null, null
        from tables join pg_rewrite on ev_class = tables.oid and rulename <> '_RETURN'
        union all
        select format('sequence %s', sequence.name), coalesce(tables.name, sequence.name),
          format('%s %s %s %s %s %s', seqstart, seqincrement, seqmin, seqmax, seqcycle, seqcache), sequence.relowner,
          coalesce(sequence.relacl, acldefault('s', sequence.relowner)), obj_description(sequence.oid, 'pg_class')
        from relations sequence
        join pg_sequence on seqrelid = sequence.oid
        left join pg_depend on classid = 'pg_class'::regclass and objid = sequence.oid and deptype in ('a', 'i')
          and refclassid = 'pg_class'::regclass
        left join tables on tables.oid = refobjid
        union all
        select format('function %s', pg_proc.oid::regprocedure), pg_proc.oid::regprocedure::text,
          case when prokind = 'a' then 'aggregate' else pg_get_functiondef(pg_proc.oid) end, proowner,
          coalesce(proacl, acldefault('f', proowner)), obj_description(pg_proc.oid, 'pg_proc')
        from pg_proc join schemas on schemas.oid = pronamespace
        union all
        select format('type %I.%I', nspname, typname), format('%I.%I', nspname, typname),
          format('%s %s', typtype,
            (select string_agg(enumlabel, ', ' order by enumsortorder) from pg_enum where enumtypid = pg_type.oid)),
          typowner, coalesce(typacl, acldefault('T', typowner)), obj_description(pg_type.oid, 'pg_type')
        from pg_type join schemas on schemas.oid = typnamespace
        where typtype in ('e', 'd', 'r')
        union all
        select format('default privileges of %s in %s on %s', defaclrole::regrole,
            coalesce(nullif(defaclnamespace, 0)::regnamespace::text, 'all schemas'), defaclobjtype),
          null, '', null, defaclacl, null
        from pg_default_acl
        union all
        select 'publication ' || pubname, null,
          format('all tables %s, %s %s %s %s, root %s', puballtables, pubinsert, pubupdate, pubdelete, pubtruncate,
            pubviaroot),
          pubowner, null, obj_description(oid, 'pg_publication')
        from pg_publication
        union all
        select format('publication %s of %s', pubname, prrelid::regclass), null,
          format('columns %s where %s', prattrs, pg_get_expr(prqual, prrelid)), null, null, null
        from pg_publication_rel join pg_publication on pg_publication.oid = prpubid
        union all
        select format('publication %s of schema %s', pubname, pnnspid::regnamespace), null, '', null, null, null
        from pg_publication_namespace join pg_publication on pg_publication.oid = pnpubid
        union all
        select 'extension ' || extname, null, format('%s in %s', extversion, extnamespace::regnamespace), extowner, null,
          null
        from pg_extension
        union all
        select 'event trigger ' || evtname, null, format('%s %s %s %s', evtevent, evtfoid::regproc, evtenabled, evttags),
          evtowner, null, null
        from pg_event_trigger
        union all
        select 'database', null, '', datdba, coalesce(datacl, acldefault('d', datdba)),
          shobj_description(oid, 'pg_database')
        from pg_database where datname = current_database()
        union all
        select 'role ' || rolname, null,
          format('superuser %s, inherits %s, creates roles %s, creates databases %s, logs in %s, replicates %s, bypasses %s',
            rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls),
          null, null, shobj_description(oid, 'pg_authid')
        from pg_roles
        union all
        select format('membership of %s in %s by %s', member::regrole, roleid::regrole, grantor::regrole), null,
          format('admin %s', admin_option), null, null, null
        from pg_auth_members
        union all
        select format('settings of %s in %s', coalesce(nullif(setrole, 0)::regrole::text, 'everybody'),
            case setdatabase when 0 then 'the server' else 'the database' end),
          null, array_to_string(setconfig, ', '), null, null, null
        from pg_db_role_setting
        where setdatabase in (0, (select oid from pg_database where datname = current_database()))
        union all
        select 'parameter ' || parname, null, '', null, paracl, null from pg_parameter_acl)
      select key, object, definition, owner::regrole::text, comment,
        (select string_agg(format('%s %s%s', coalesce(nullif(grantee, 0)::regrole::text, 'public'),
              lower(privilege_type), case when is_grantable then ' with grant option' end), ', '
            order by coalesce(nullif(grantee, 0)::regrole::text, 'public'), privilege_type, is_grantable)
          from aclexplode(acl)) as rights
      from entries`;
  });
  const catalogue = new Map(rows.map((row) => [row.key, { ...row }]));
  if (catalogue.size !== rows.length) throw new Error('two things of the database have the same name here');
  return catalogue;
}

const ASPECTS = ['definition', 'owner', 'rights', 'comment'] as const;

/** Of longer definitions, such as a function's, only the name is listed. */
const PRINTED_CHARACTERS = 120;

/**
 * What somebody changed between two readings: `+` and what is new, `-` and what is gone, `~` and what is not the same.
 * Objects that are new, with all that belongs to them, are not listed here: see `newObjects`.
 */
export function describeChanges(before: WholeCatalogue, after: WholeCatalogue): string[] {
  const objects = new Set([...before.values()].map(({ object }) => object));
  const changes: string[] = [];
  for (const [key, entry] of before) {
    const now = after.get(key);
    if (now === undefined) {
      changes.push(`- ${key}`);
      continue;
    }
    for (const aspect of ASPECTS) {
      const [from, to] = [entry[aspect] ?? 'none', now[aspect] ?? 'none'];
      if (from === to) continue;
      const isPrinted =
        aspect === 'owner' ||
        aspect === 'rights' ||
        (aspect === 'definition' && from.length + to.length <= PRINTED_CHARACTERS);
      changes.push(`~ ${key}: ${aspect}${isPrinted ? ` ${from} -> ${to}` : ''}`);
    }
  }
  for (const [key, { object }] of after) {
    if (!before.has(key) && (object === null || objects.has(object))) changes.push(`+ ${key}`);
  }
  return changes.sort();
}

/** Tables, views, functions and types that only the second reading has. */
export function newObjects(before: WholeCatalogue, after: WholeCatalogue): string[] {
  const objects = new Set([...before.values()].map(({ object }) => object));
  const found = [...after.values()].flatMap(({ object }) =>
    object !== null && !objects.has(object) ? [object] : [],
  );
  return [...new Set(found)].sort();
}
