create or replace function private.our_table_sizes()
returns table (table_name text, bytes bigint, row_estimate bigint)
language sql stable set search_path = '' as $$
  select format('%s.%s', space.nspname, class.relname),
    8192 * (class.relpages::bigint + coalesce(toast.relpages, 0) + (
      select coalesce(sum(part.relpages), 0) from pg_catalog.pg_index index
      join pg_catalog.pg_class part on part.oid = index.indexrelid
      where index.indrelid in (class.oid, toast.oid)))::bigint,
    greatest(class.reltuples, 0)::bigint
  from pg_catalog.pg_class class
  join pg_catalog.pg_namespace space on space.oid = class.relnamespace
  left join pg_catalog.pg_class toast on toast.oid = class.reltoastrelid
  where class.relkind = 'r'
    and (space.nspname = 'private'
      or space.nspname = 'public' and (
        class.relname ~ '^(webhook|alert)' or class.relname in ('report_events', 'report_notifications', 'report_jobs')
        or exists (select from public.report_types type where type.table_name = class.relname)))
$$;

comment on function private.our_table_sizes() is
  'Our tables and those of the platform that we write, with their indexes, by the estimates of pg_class.';
revoke all on function private.our_table_sizes() from public, anon, authenticated, service_role;
