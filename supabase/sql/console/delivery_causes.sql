create or replace function public.delivery_causes()
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '7s' as $$
declare
  c_read constant int := 50000;
  c_causes constant int := 50;
  v_causes jsonb;
  v_read int;
begin
  perform private.require_operator();
  with open as materialized (
    select endpoint_id, response ->> 'status' as status, response ->> 'error' as error, dead_at, created_at, last_attempt
    from public.webhook_deliveries
    where status not in ('success', 'superseded', 'cancelled') and private.is_closed(dead_reason) is not true
    order by created_at desc, id desc limit c_read
  ), errors as (
    -- There are few distinct errors and many deliveries: convert each distinct error to a cause only once.
    select endpoint_id, status, error, count(*) as deliveries, count(dead_at) as dead, min(created_at) as first_at,
      max(last_attempt) as last_at
    from open where error is not null group by endpoint_id, status, error
  ), causes as (
    select endpoint_id, case when status ~ '^[1-5][0-9]{2}$' then status::int end as response_status,
      private.cause_of(error) as cause, sum(deliveries)::int as deliveries, sum(dead)::int as dead,
      min(first_at) as first_at, max(last_at) as last_at
    from errors group by 1, 2, 3
  )
  select (select count(*) from open), (
    select jsonb_agg(to_jsonb(largest) order by deliveries desc, last_at desc, endpoint_id, cause)
    from (select * from causes order by deliveries desc, last_at desc, endpoint_id, cause limit c_causes + 1) largest)
  into v_read, v_causes;
  return jsonb_build_object(
    'causes', coalesce(v_causes - c_causes, '[]'),
    'truncated', v_read = c_read or coalesce(jsonb_array_length(v_causes) > c_causes, false));
end
$$;

comment on function public.delivery_causes() is
  'Failed deliveries that are not confirmed yet, by endpoint, status of the last answer and cause: {causes: [{endpoint_id, response_status, cause, deliveries, dead, first_at, last_at}], truncated}. The 50 largest groups of the newest 50,000 open deliveries; closed dead letters are in none.';
revoke all on function public.delivery_causes() from public, anon, authenticated, service_role;
grant execute on function public.delivery_causes() to authenticated;
