-- Why: each delivery that is redriven takes the lock of its report. Two redrives that took them in different orders ended in a
-- deadlock, and one of them did nothing. Errors are matched without regard to case, as people type them.

create or replace function public.redrive_deliveries(p_filter jsonb, p_actor text, p_limit int) returns int
language plpgsql security definer set search_path = '' as $$
declare
  v_filter jsonb := private.as_object(p_filter);
  v_delivery public.webhook_deliveries;
  v_redriven int := 0;
begin
  for v_delivery in
    -- In the order of their reports, whose locks each takes: two redrives must not wait for each other.
    select * from (
      select * from public.webhook_deliveries
      where dead_at is not null and dead_reason <> 'report_deleted'
        and (v_filter -> 'event_ids' is null or v_filter -> 'event_ids' ? event_id)
        and (v_filter -> 'report_type' is null or report_type = v_filter ->> 'report_type')
        and (v_filter -> 'webhook_type' is null or webhook_type = v_filter ->> 'webhook_type')
        and (v_filter -> 'dead_reason' is null or dead_reason = v_filter ->> 'dead_reason')
        and (v_filter -> 'error' is null or strpos(lower(response ->> 'error'), lower(v_filter ->> 'error')) > 0)
        and (v_filter -> 'dead_after' is null or dead_at >= (v_filter ->> 'dead_after')::timestamptz)
        and (v_filter -> 'dead_before' is null or dead_at < (v_filter ->> 'dead_before')::timestamptz)
      order by dead_at, id
      limit p_limit
      -- Held by another: that one is being retried or redriven now.
      for update skip locked) picked
    order by report_type, report_id, id
  loop
    update public.webhook_deliveries
    set dead_at = null, dead_reason = null, rounds = 0, next_attempt = now(), lease_token = lease_token + 1,
      lease_expires_at = null
    where id = v_delivery.id;
    insert into public.webhook_audit (
      direction, webhook_type, job_id, report_id, report_table, event_id, actor, request_payload, outcome,
      error_message, attempt_number)
    values (
      'in', v_delivery.webhook_type, v_delivery.job_id, v_delivery.report_id,
      private.report_table(v_delivery.report_type), v_delivery.event_id, p_actor,
      jsonb_build_object('endpoint', 'redrive', 'dead_at', v_delivery.dead_at, 'dead_reason', v_delivery.dead_reason),
      'redriven', v_delivery.response ->> 'error', v_delivery.attempts);
    v_redriven := v_redriven + 1;
  end loop;
  return v_redriven;
end $$;

create or replace function public.list_open_deliveries(
  p_status text default null, p_report_type text default null, p_stage text default null,
  p_dead_reason text default null, p_error text default null,
  p_after timestamptz default null, p_before timestamptz default null,
  p_limit int default 50, p_cursor_at timestamptz default null, p_cursor_id text default null) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  c_counted constant int := 1000;
  v_time text := case p_status when 'dead' then 'dead_at' else 'created_at' end;
  v_where text := concat_ws(' and ',
    $q$status <> 'success'$q$,
    case when p_status = 'dead' then 'dead_at is not null' when p_status is not null then 'status = $1 and dead_at is null' end,
    case when p_report_type is not null then 'report_type = $2' end,
    case when p_stage is not null then 'stage = $3' end,
    case when p_dead_reason is not null then 'dead_reason = $4' end,
    case when p_error is not null then 'strpos(lower(error), lower($5)) > 0' end,
    case when p_after is not null then v_time || ' >= $6' end,
    case when p_before is not null then v_time || ' < $7' end);
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
  using p_status, p_report_type, p_stage, p_dead_reason, p_error, p_after, p_before, p_limit, p_cursor_at, p_cursor_id;
  execute format('select count(*) from (select from private.delivery_rows where %s limit $8 + 1) counted', v_where)
  into v_count
  using p_status, p_report_type, p_stage, p_dead_reason, p_error, p_after, p_before, c_counted;
  return private.page_of(v_rows, p_limit, v_time) || jsonb_build_object(
    'total', jsonb_build_object('count', least(v_count, c_counted), 'capped', v_count > c_counted));
end $$;

select private.apply_grants();
