-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.roll_up_webhooks(p_limit int)
returns int
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  c_quarter constant interval := '15 minutes';
  -- created_at is the start of a transaction. If one takes longer than this, its rows are missing in the figures, but not in
  -- the audit. The REST layer ends calls after seconds.
  c_margin constant interval := '5 minutes';
  -- Per bucket length; twice as many as a window shows.
  c_slots_kept constant int := 192;
  v_until timestamptz;
  v_first timestamptz;
  v_quarter timestamptz;
  v_quarters int := 0;
  v_minutes int;
  v_slot timestamptz;
  v_deadline timestamptz := clock_timestamp() + interval '2 seconds';
begin
  select rolled_up_until into v_until from public.webhook_roll_up where only_row for update skip locked;
  if not found then
    -- Another sweep is rolling up.
    return 0;
  end if;
  v_until := greatest(v_until, date_bin('2 hours', now(), 'epoch') - interval '2 hours' * c_slots_kept);
  while v_quarters < p_limit loop
    select date_bin(c_quarter, min(created_at), 'epoch') into v_quarter from public.webhook_audit where created_at >= v_until;
    exit when v_quarter is null or v_quarter + c_quarter > now() - c_margin
      -- A quarter with many rows takes long: stop and keep what has been counted, at least one quarter.
      or v_quarters > 0 and clock_timestamp() > v_deadline;
    foreach v_minutes in array '{15,120}'::int[] loop
      v_slot := date_bin(make_interval(mins => v_minutes), v_quarter, 'epoch');
      insert into public.webhook_counts as kept (
        slot_minutes, slot, direction, endpoint_id, report_type, outcome, reports_failure, requests)
      select v_minutes, v_slot, direction, endpoint_id, report_type, outcome, reports_failure, count(*)
      from private.webhook_measures where created_at >= v_quarter and created_at < v_quarter + c_quarter
      group by direction, endpoint_id, report_type, outcome, reports_failure
      on conflict (slot_minutes, slot, direction, endpoint_id, report_type, outcome, reports_failure)
        do update set requests = kept.requests + excluded.requests;
      insert into public.webhook_latencies as kept (slot_minutes, slot, direction, endpoint_id, bucket, requests)
      select v_minutes, v_slot, direction, endpoint_id, bucket, count(*)
      from private.webhook_measures
      where created_at >= v_quarter and created_at < v_quarter + c_quarter and bucket is not null
      group by direction, endpoint_id, bucket
      on conflict (slot_minutes, slot, direction, endpoint_id, bucket)
        do update set requests = kept.requests + excluded.requests;
    end loop;
    v_first := coalesce(v_first, v_quarter);
    v_until := v_quarter + c_quarter;
    v_quarters := v_quarters + 1;
  end loop;
  if v_quarters > 0 then
    update public.webhook_roll_up set rolled_up_until = v_until where only_row;
    -- Once per call: each further version of a row in one transaction slows down looking it up.
    insert into private.webhook_totals as kept (direction, endpoint_id, outcome, requests)
    select direction, endpoint_id, outcome, sum(requests) from public.webhook_counts
    where slot_minutes = 15 and slot >= v_first
    group by direction, endpoint_id, outcome
    on conflict (direction, endpoint_id, outcome) do update set requests = kept.requests + excluded.requests;
    insert into private.latency_totals as kept (direction, endpoint_id, bucket, requests)
    select direction, endpoint_id, bucket, sum(requests) from public.webhook_latencies
    where slot_minutes = 15 and slot >= v_first
    group by direction, endpoint_id, bucket
    on conflict (direction, endpoint_id, bucket) do update set requests = kept.requests + excluded.requests;
  end if;
  foreach v_minutes in array '{15,120}'::int[] loop
    v_slot := now() - make_interval(mins => v_minutes * c_slots_kept);
    delete from public.webhook_counts where slot_minutes = v_minutes and slot < v_slot;
    delete from public.webhook_latencies where slot_minutes = v_minutes and slot < v_slot;
  end loop;
  return v_quarters;
end
$$;

comment on function public.roll_up_webhooks(int) is
  'Counts up to p_limit quarters of an hour that are over and not counted yet, each once however many sweeps run, and removes counts that no window shows any more. After two seconds it begins no further quarter. Returns how many quarters.';
revoke all on function public.roll_up_webhooks(int) from public, anon, authenticated, service_role;
grant execute on function public.roll_up_webhooks(int) to service_role;
