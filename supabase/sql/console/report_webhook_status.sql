create or replace function public.report_webhook_status(p_report_type text, p_report_id uuid)
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '7s' as $$
declare
  v_table text := (select table_name from public.report_types where report_type = p_report_type);
  v_report jsonb;
begin
  if v_table is null then
    return null;
  end if;
  execute format(
    'select jsonb_build_object(
       ''report_type'', $1, ''report_id'', id, ''title'', private.title_of(user_data),
       ''research_status'', research_status, ''stage'', stage,
       ''winner_event_id'', winner_event_id, ''webhook_status'', webhook_status, ''webhook_attempts'', webhook_attempts,
       ''webhook_last_attempt'', webhook_last_attempt, ''webhook_response'', webhook_response,
       ''webhook_job_id'', webhook_job_id, ''updated_at'', updated_at)
     from public.%I where id = $2', v_table)
  into v_report using p_report_type, p_report_id;
  return v_report || jsonb_build_object('delivery', (
    select to_jsonb(latest) from (
      select event_id, endpoint_id, status, attempts, last_attempt, next_attempt, dead_at, dead_reason,
        response ->> 'error' as error
      from public.webhook_deliveries
      where report_id = p_report_id and report_type = p_report_type
        and endpoint_id in (select id from public.webhook_endpoints where kind = 'internal')
      order by id desc limit 1) latest));
end
$$;

comment on function public.report_webhook_status(text, uuid) is
  'How a report and its webhook stand, for operators with its latest delivery. Null: there is none that the caller may see.';
revoke all on function public.report_webhook_status(text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.report_webhook_status(text, uuid) to authenticated;
