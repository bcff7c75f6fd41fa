-- Why, of three functions:
-- A delivery that was recorded while its report was being deleted stayed on schedule. Its webhook columns have no row then, which
-- is where it is seen now, whoever writes it.
-- A client of the first version may say `success` of a result that its runner had not sent yet, and nothing would ever send it.
-- What has no effect is applied first. An unknown table is an error again.
-- The clean-up of expired jobs took jobs that alone told how their report stands.

create or replace function private.show_delivery() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  -- Statements see what was committed before they began: the question below must be one that begins after this lock.
  if not private.lock_report(new.report_type, new.report_id) then
    perform private.close_delivery(new.event_id);
    return null;
  end if;
  if exists (
    select from public.webhook_deliveries later
    where later.report_id = new.report_id and later.report_type = new.report_type and later.id > new.id)
  then
    return null;
  end if;
  execute format(
    'update public.%I set webhook_status = $1, webhook_attempts = $2, webhook_last_attempt = $3,
       webhook_response = $4, webhook_job_id = $5 where id = $6',
    private.report_table(new.report_type))
  using new.status, new.attempts, new.last_attempt, new.response, new.job_id, new.report_id;
  return null;
end $$;
comment on function private.show_delivery() is
  'A report''s webhook columns are the state of its latest delivery; without a report, a delivery is closed.';

create or replace function public.update_webhook_status(
  table_name text, record_id uuid, new_status text, response_data jsonb default '{}', increment_attempts boolean default true)
returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_type text;
  v_delivery public.webhook_deliveries;
begin
  select report_type into v_type from public.report_types type where type.table_name = update_webhook_status.table_name;
  if v_type is null then
    raise exception 'no table of reports: %', table_name using errcode = 'undefined_table';
  end if;
  -- Only the latest delivery says what the webhook columns show, and success is absorbing.
  select * into v_delivery from public.webhook_deliveries
  where report_type = v_type and report_id = record_id
  order by id desc
  limit 1
  for update;
  if v_delivery.id is null or v_delivery.status = 'success' or v_delivery.dead_reason = 'report_deleted' then
    return;
  end if;
  if exists (select from public.report_events where id = v_delivery.event_id and effect is null) then
    perform public.apply_report_event(jsonb_build_object('id', v_delivery.event_id), '{"channel": "direct"}');
  end if;
  update public.webhook_deliveries
  set status = new_status, response = private.as_object(response_data), last_attempt = now(),
    attempts = attempts + increment_attempts::int,
    next_attempt = case when new_status <> 'success' then coalesce(next_attempt, now()) end,
    dead_at = null, dead_reason = null
  where id = v_delivery.id;
end $$;

create or replace function public.cleanup_expired_report_jobs() returns void
language sql security definer set search_path = '' as $$
  delete from public.report_jobs job
  where job.expires_at < now() and job.status in ('succeeded', 'failed', 'cancelled')
    -- Of a job that ended without an event nothing else would tell how its report stands.
    and (job.event_id is not null or job.status = 'cancelled' or job.report_id is null)
    and not exists (
      select from public.report_events event
      left join public.webhook_deliveries delivery on delivery.event_id = event.id
      where event.id = job.event_id
        and (event.effect is null or delivery.status <> 'success' and delivery.dead_at is null))
$$;

select private.apply_grants();
