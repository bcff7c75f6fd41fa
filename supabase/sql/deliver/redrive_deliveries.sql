-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.redrive_deliveries(
  p_filter jsonb, p_actor text, p_limit int, p_claim_id uuid default null)
returns int
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_delivery public.webhook_deliveries;
  v_redriven int;
  -- Dead letters of held reports are passed over, up to this number.
  c_passed constant int := 500;
  -- Most locks are held for milliseconds. No wait begins after this, and none lasts longer than half a second: a call may meet
  -- three held locks one after the other.
  v_wait_until timestamptz := clock_timestamp() + interval '2 seconds';
begin
  perform private.await_same_call(p_claim_id::text);
  -- Counts by the audit what the first call did: a sweep may have claimed those deliveries since.
  select count(*) into v_redriven from public.webhook_audit
  where outcome = 'redriven' and request_payload ->> 'claim_id' = p_claim_id::text
    and created_at > now() - interval '1 hour';
  if v_redriven > 0 then
    return v_redriven;
  end if;
  for v_delivery in
    -- In the order of the reports, whose locks each redrive takes: otherwise two calls could deadlock.
    select * from (
      select * from public.webhook_deliveries
      where dead_at is not null and not private.is_closed(dead_reason)
        and (p_filter -> 'event_ids' is null or p_filter -> 'event_ids' ? event_id)
        and (p_filter -> 'report_type' is null or report_type = p_filter ->> 'report_type')
        and (p_filter -> 'endpoint_id' is null or endpoint_id = p_filter ->> 'endpoint_id')
        and (p_filter -> 'dead_reason' is null or dead_reason = p_filter ->> 'dead_reason')
        and (p_filter -> 'error' is null or strpos(lower(response ->> 'error'), lower(p_filter ->> 'error')) > 0)
        and (p_filter -> 'dead_after' is null or dead_at >= (p_filter ->> 'dead_after')::timestamptz)
        and (p_filter -> 'dead_before' is null or dead_at < (p_filter ->> 'dead_before')::timestamptz)
      order by dead_at, id
      limit p_limit + c_passed
      -- A delivery that another process holds is being retried or redriven.
      for update skip locked) picked
    order by report_type, report_id, id
  loop
    exit when v_redriven = p_limit;
    v_redriven := v_redriven + private.try_put_back(
      v_delivery, p_actor, jsonb_build_object('claim_id', p_claim_id),
      greatest(least(v_wait_until - clock_timestamp(), interval '500 milliseconds'), interval '1 millisecond'))::int;
  end loop;
  return v_redriven;
end
$$;

comment on function public.redrive_deliveries(jsonb, text, int, uuid) is
  'Puts dead letters back on schedule, at its beginning, and audits each with who did it, except those whose reports another transaction holds. Returns how many, at most p_limit. A repeated call is recognised by p_claim_id.';
revoke all on function public.redrive_deliveries(jsonb, text, int, uuid) from public, anon, authenticated, service_role;
grant execute on function public.redrive_deliveries(jsonb, text, int, uuid) to service_role;
