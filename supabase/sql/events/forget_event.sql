-- Never waits for locks: the caller may hold the report's lock, and deliveries come before reports in the lock order.
create or replace function private.forget_event(p_event_id text, p_is_folded boolean default false)
returns boolean
language plpgsql volatile set search_path = '' set lock_timeout = '1ms' as $$
declare
  c_audit_rows constant int := 2000;
  v_retention text := coalesce(current_setting('polaris.retention', true), '');
  v_event public.report_events;
  v_report record;
  v_delivery record;
begin
  perform from public.webhook_deliveries where event_id = p_event_id order by id for update nowait;
  -- While the event is locked, no replay can make another delivery of it (work_replay()), so these are all deliveries to end.
  select * into v_event from public.report_events where id = p_event_id for no key update nowait;
  if v_event.erased_at is not null then
    return true;
  end if;
  execute format('select winner_event_id from public.%I where id = $1', private.report_table(v_event.report_type))
  into v_report using v_event.report_id;
  if v_report.winner_event_id = p_event_id then
    return false;
  end if;
  for v_delivery in
    select delivery.id, endpoint.kind from public.webhook_deliveries delivery
    join public.webhook_endpoints endpoint on endpoint.id = delivery.endpoint_id
    where delivery.event_id = p_event_id order by delivery.id
  loop
    if p_is_folded and v_delivery.kind = 'subscriber' then
      perform private.move_delivery(v_delivery.id, 'superseded');
    end if;
    perform private.move_delivery(v_delivery.id, 'erased');
  end loop;
  update private.job_runs set error = null where event_id = p_event_id and error is not null;
  if found then
    perform private.show_job(v_event.job_id);
    perform from public.report_jobs where job_id = v_event.job_id and error is not null for update nowait;
  end if;
  if private.forget_audit(p_event_id, null, c_audit_rows) = c_audit_rows then
    return false;
  end if;
  perform set_config('polaris.retention', 'on', true);
  update public.report_events
  set erased_at = clock_timestamp(), error = null,
    digest = encode(sha256(convert_to(gen_random_uuid()::text, 'UTF8')), 'hex')
  where id = p_event_id;
  delete from private.report_contents where event_id = p_event_id;
  perform set_config('polaris.retention', v_retention, true);
  return true;
exception when lock_not_available then
  return false;
end
$$;

comment on function private.forget_event(text, boolean) is
  'The one eraser of an event''s content: its text, metadata and final data, its error, its digest, and what answers and the audit echo of it. Id, order and audit stay. Open deliveries end: nothing is left to send. False: it is not done yet, since another transaction holds something of it, or it is the winner of its report. p_is_folded: a later edit says the same to subscribers.';
revoke all on function private.forget_event(text, boolean) from public, anon, authenticated, service_role;
