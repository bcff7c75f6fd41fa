create or replace function private.content_of_user(p_user_id uuid)
returns table (what text, things bigint)
language plpgsql stable set search_path = '' as $$
declare
  v_type public.report_types;
  v_reports uuid[] := array(select report_id from private.erasures where user_id = p_user_id and report_id is not null);
  v_ids uuid[];
begin
  for v_type in select * from public.report_types order by report_type loop
    execute format('select array(select id from public.%I where user_id = $1)', v_type.table_name) into v_ids using p_user_id;
    v_reports := v_reports || v_ids;
    what := v_type.table_name;
    things := cardinality(v_ids);
    return next;
  end loop;
  return query
  select 'events with content', count(*) from public.report_events
  where report_id = any (v_reports) and erased_at is null
  union all
  select 'jobs with content', count(*) from private.job_runs
  where (user_id = p_user_id or caller = p_user_id::text or report_id = any (v_reports)) and erased_at is null
  union all
  select 'deliveries with an answer', count(*) from public.webhook_deliveries
  where report_id = any (v_reports) and response <> '{}'
  union all
  select 'audit rows with content', count(*) from private.audit_with_content where report_id = any (v_reports)
  union all
  select 'notifications', count(*) from public.report_notifications where user_id = p_user_id;
end
$$;

comment on function private.content_of_user(uuid) is
  'How much of a user an erasure would take, or has left: reports, and events, jobs, deliveries, audit rows and notifications that have content.';
revoke all on function private.content_of_user(uuid) from public, anon, authenticated, service_role;
