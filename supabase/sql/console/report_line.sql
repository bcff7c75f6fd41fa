create or replace function private.report_line(p_report_type text, p_report_id uuid)
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_report jsonb;
begin
  execute format(
    'select jsonb_build_object(
       ''user_id'', user_id, ''title'', private.title_of(user_data), ''stage'', stage, ''research_status'', research_status,
       ''created_at'', created_at, ''updated_at'', updated_at)
     from public.%I where id = $1', private.report_table(p_report_type))
  into v_report using p_report_id;
  return v_report || jsonb_build_object(
    'id', p_report_id, 'report_type', p_report_type,
    'owner_email', (select email from auth.users where id = (v_report ->> 'user_id')::uuid),
    'job', (
      select jsonb_build_object('job_id', job_id, 'state', state, 'error', error)
      -- "offset 0": otherwise, for a report with many jobs, PostgreSQL would scan all jobs by age.
      from (select * from private.job_states where report_id = p_report_id and report_type = p_report_type offset 0) jobs
      order by created_at desc, job_id desc limit 1),
    'delivery', (
      select jsonb_build_object(
        'event_id', event_id, 'status', status, 'next_attempt', next_attempt, 'dead_at', dead_at, 'dead_reason', dead_reason,
        'error', "left"(response ->> 'error', 500))
      from public.webhook_deliveries
      where report_id = p_report_id and report_type = p_report_type
        and endpoint_id in (select id from public.webhook_endpoints where kind = 'internal')
      order by id desc limit 1));
end
$$;

comment on function private.report_line(text, uuid) is
  'A report as operators see it in a list: with its title, its owner''s address, its newest job and its latest delivery to an endpoint of ours. Null: it is gone.';
revoke all on function private.report_line(text, uuid) from public, anon, authenticated, service_role;
