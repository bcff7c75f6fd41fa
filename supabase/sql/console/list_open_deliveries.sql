create or replace function public.list_open_deliveries(
  p_status text default null, p_report_type text default null, p_stage text default null,
  p_dead_reason text default null, p_error text default null, p_after timestamptz default null,
  p_before timestamptz default null, p_limit int default 50, p_cursor_at timestamptz default null,
  p_cursor_id text default null, p_endpoint_id text default null, p_response_status text default null,
  p_cause text default null)
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '7s' as $$
declare
  c_counted constant int := 1000;
  v_time text := case p_status when 'dead' then 'dead_at' else 'created_at' end;
  v_where text := concat_ws(' and ',
    $q$status not in ('success', 'superseded', 'cancelled')$q$,
    case when p_status = 'dead' then 'dead_at is not null' when p_status is not null then 'status = $1 and dead_at is null' end,
    case when p_report_type is not null then 'report_type = $2' end,
    case when p_stage is not null then 'stage = $3' end,
    case when p_dead_reason is not null then 'dead_reason = $4' end,
    case when p_error is not null then 'strpos(lower(error), lower($5)) > 0' end,
    case when p_after is not null then v_time || ' >= $6' end,
    case when p_before is not null then v_time || ' < $7' end,
    case when p_endpoint_id is not null then 'endpoint_id = $11' end,
    case when p_response_status = 'none' then 'response_status is null and error is not null'
      when p_response_status is not null then 'response_status = $12::int' end,
    case when p_cause is not null then 'private.cause_of(error) = $13' end);
  v_rows jsonb;
  v_count int;
begin
  perform private.require_operator();
  execute format(
    'select jsonb_agg(to_jsonb(page) || jsonb_build_object(''id'', id::text) order by %1$s desc, id desc) from (
       select * from private.delivery_rows where %2$s %3$s order by %1$s desc, id desc limit $8 + 1) page',
    v_time, v_where,
    case when p_cursor_at is not null then format('and (%s, id) < ($9, $10::bigint)', v_time) end)
  into v_rows
  using p_status, p_report_type, p_stage, p_dead_reason, p_error, p_after, p_before, p_limit, p_cursor_at, p_cursor_id,
    p_endpoint_id, p_response_status, p_cause;
  execute format('select count(*) from (select from private.delivery_rows where %s limit $8 + 1) counted', v_where)
  into v_count
  using p_status, p_report_type, p_stage, p_dead_reason, p_error, p_after, p_before, c_counted, null::timestamptz, null::text,
    p_endpoint_id, p_response_status, p_cause;
  return private.page_of(v_rows, p_limit, v_time) || jsonb_build_object(
    'total', jsonb_build_object('count', least(v_count, c_counted), 'capped', v_count > c_counted));
end
$$;

comment on function public.list_open_deliveries(text, text, text, text, text, timestamptz, timestamptz, int, timestamptz, text, text, text, text) is
  'Deliveries that have not succeeded, newest first: by created_at, or by dead_at where p_status is dead. Errors match as redrive_deliveries() matches them; p_response_status is a number or none; p_cause is one of delivery_causes().';
revoke all on function public.list_open_deliveries(text, text, text, text, text, timestamptz, timestamptz, int, timestamptz, text, text, text, text) from public, anon, authenticated, service_role;
grant execute on function public.list_open_deliveries(text, text, text, text, text, timestamptz, timestamptz, int, timestamptz, text, text, text, text) to authenticated;
