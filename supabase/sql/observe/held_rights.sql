create or replace view private.held_rights with (security_invoker = true) as
  with held (kind, schema, name, owner, acl, column_name) as (
    select 'function', pronamespace, proname, proowner, coalesce(proacl, acldefault('f', proowner)), null
    from pg_catalog.pg_proc
    union all
    select case relkind when 'S' then 'sequence' else 'relation' end, relnamespace, relname, relowner,
      coalesce(relacl, acldefault(case relkind when 'S' then 's' else 'r' end::"char", relowner)), null
    from pg_catalog.pg_class where relkind in ('r', 'p', 'v', 'm', 'S')
    union all
    select 'relation', relnamespace, relname, relowner, attacl, attname
    from pg_catalog.pg_attribute join pg_catalog.pg_class on pg_class.oid = attrelid
    where relkind in ('r', 'p', 'v', 'm') and attacl is not null and not attisdropped)
  select format('%s %I.%I', kind, nspname, name) as object, column_name::text,
    coalesce(nullif(grantee, 0)::regrole::text, 'public') as grantee,
    lower(privilege_type) || case when is_grantable then ' with grant option' else '' end as privilege
  from held join pg_catalog.pg_namespace on pg_namespace.oid = schema, aclexplode(acl)
  where nspname in ('public', 'private') and grantee <> owner;

comment on view private.held_rights is
  'Every right that somebody beside the owner has on a function, relation, column or sequence: the doctor compares it with supabase/sql.';
revoke all on private.held_rights from anon, authenticated, service_role;
