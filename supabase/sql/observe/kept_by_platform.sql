create or replace function private.kept_by_platform(p_user_id uuid)
returns table (place text, things bigint)
language plpgsql stable set search_path = '' as $$
declare
  v_column record;
begin
  for v_column in
    select class.relname as table_name, owner.attname as owner, content.attname as content
    from pg_catalog.pg_constraint reference
    join pg_catalog.pg_class class on class.oid = reference.conrelid
    join pg_catalog.pg_attribute owner on owner.attrelid = class.oid and owner.attnum = reference.conkey[1]
    join pg_catalog.pg_attribute content
      on content.attrelid = class.oid and content.attnum > 0 and not content.attisdropped
        and content.atttypid in ('text'::regtype, 'varchar'::regtype, 'json'::regtype, 'jsonb'::regtype)
    where reference.contype = 'f' and reference.confrelid = 'auth.users'::regclass
      and class.relnamespace = 'public'::regnamespace and class.relname <> 'report_jobs'
    order by class.relname, content.attnum
  loop
    place := v_column.table_name || '.' || v_column.content;
    execute format(
      'select count(*) from public.%I where %I = $1 and %I::text not in ('''', ''{}'', ''[]'')',
      v_column.table_name, v_column.owner, v_column.content)
    into things using p_user_id;
    if things > 0 then
      return next;
    end if;
  end loop;
  -- In the platform's rows, only the job may name the person, by our job_runs.
  return query
  select 'report_jobs.' || content.name, count(*)
  from public.report_jobs job
  cross join lateral (values
    (1, 'prompt', job.prompt), (2, 'result', job.result), (3, 'error', job.error), (4, 'metadata', job.metadata::text),
    (5, 'idempotency_key', job.idempotency_key)) content (place, name, value)
  where (job.user_id = p_user_id or job.job_id in (select job_id from private.job_runs where user_id = p_user_id))
    and content.value not in ('', '{}', 'null')
  group by content.place, content.name
  order by content.place;
  return query
  select 'auth.users', count(*) from auth.users where id = p_user_id having count(*) > 0;
end
$$;

comment on function private.kept_by_platform(uuid) is
  'The columns of the platform''s tables that still hold text of a user, with how many rows, and whether the account exists. We cannot empty these columns.';
revoke all on function private.kept_by_platform(uuid) from public, anon, authenticated, service_role;
