-- Definer rights: the platform's functions call it with the service key, which has no rights on our functions.
create or replace function public.update_webhook_status(
  table_name text, record_id uuid, new_status text, response_data jsonb default '{}',
  increment_attempts boolean default true)
returns void
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_type text;
  v_exists boolean;
begin
  select report_type into v_type from public.report_types type where type.table_name = update_webhook_status.table_name;
  -- The first version's tables are also accepted by name: a push registers them after it has created this function.
  if v_type is null and table_name not in ('greeting_reports', 'org_reports', 'requirement_reports') then
    raise exception 'not a table of reports: %', table_name using errcode = 'undefined_table';
  end if;
  execute format('select true from public.%I where id = $1', table_name) into v_exists using record_id;
  perform private.add_audit(
    p_direction => 'out', p_outcome => 'reported', p_report_type => v_type, p_report_id => record_id,
    p_payload => jsonb_build_object('endpoint', 'update_webhook_status', 'status', new_status),
    -- Content for a deleted report is not stored.
    p_response_body => case when v_exists then response_data end, p_attempt_number => increment_attempts::int);
end
$$;

comment on function public.update_webhook_status(text, uuid, text, jsonb, boolean) is
  'Called by the platform''s functions for their own webhooks. The call is audited and moves no delivery: webhook columns are the state of our own deliveries.';
revoke all on function public.update_webhook_status(text, uuid, text, jsonb, boolean) from public, anon, authenticated, service_role;
grant execute on function public.update_webhook_status(text, uuid, text, jsonb, boolean) to service_role;
