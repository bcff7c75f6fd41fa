create or replace function public.list_webhook_audit(
  p_search text default null, p_outcome text default null, p_direction text default null,
  p_response_status text default null, p_after timestamptz default null, p_before timestamptz default null,
  p_limit int default 50, p_cursor_at timestamptz default null, p_cursor_id text default null, p_actor text default null)
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '7s' as $$
declare
  v_where text := concat_ws(' and ',
    'true',
    case
      -- A search for other ids with it would read all attempts of the subscriber before it could sort them.
      when p_search ~ '^ep-[a-z0-9]{16}$' then 'indexed_endpoint_id = $1 and direction = ''out'''
      when p_search ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then '(event_id = $1 or job_id = $1 or report_id = $1::uuid)'
      when p_search is not null then '(event_id = $1 or job_id = $1)'
    end,
    case when p_outcome is not null then 'outcome = $2' end,
    case when p_direction is not null then 'direction = $3' end,
    case when p_response_status = 'none' then 'response_status is null'
      when p_response_status is not null then 'response_status = $4::int' end,
    case when p_after is not null then 'created_at >= $5' end,
    case when p_before is not null then 'created_at < $6' end,
    case when p_actor = 'sender' then 'actor is null and direction = ''in'''
      when p_actor is not null then 'actor = $10' end,
    case when p_cursor_at is not null then '(created_at, id) < ($8, $9::uuid)' end);
  -- For `is null`, PostgreSQL uses the order of an index only if the column is in the order.
  v_order text := concat_ws(', ', case when p_response_status = 'none' then 'response_status' end, 'created_at desc', 'id desc');
  v_rows jsonb;
begin
  perform private.require_operator();
  execute format(
    'select jsonb_agg(to_jsonb(page) order by created_at desc, id desc) from (
       select * from private.audit_rows where %s order by %s limit $7 + 1) page', v_where, v_order)
  into v_rows
  using p_search, p_outcome, p_direction, p_response_status, p_after, p_before, p_limit, p_cursor_at, p_cursor_id, p_actor;
  return private.page_of(v_rows, p_limit, 'created_at');
end
$$;

comment on function public.list_webhook_audit(text, text, text, text, timestamptz, timestamptz, int, timestamptz, text, text) is
  'The audit log, newest first. p_search is the whole id of a report, a job, an event or a subscriber (its attempts); p_response_status is a number or none; p_actor is the id of a person, cron, or sender.';
revoke all on function public.list_webhook_audit(text, text, text, text, timestamptz, timestamptz, int, timestamptz, text, text) from public, anon, authenticated, service_role;
grant execute on function public.list_webhook_audit(text, text, text, text, timestamptz, timestamptz, int, timestamptz, text, text) to authenticated;
