-- Definer rights: an owner's statement fires it, and owners may not write deliveries.
create or replace function private.close_report()
returns trigger
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_delivery_id bigint;
  v_revision bigint;
begin
  -- A sweep erases the content. Erasing it here could wait for a sender's lock, and deleting an account deletes many reports
  -- at once.
  insert into private.erasures (user_id, report_type, report_id) values (old.user_id, tg_argv[0], old.id)
  on conflict do nothing;
  delete from private.reports_to_import where report_type = tg_argv[0] and report_id = old.id;
  -- The report is locked already, although deliveries come before reports in the lock order. So a delivery held by another
  -- process is skipped: when that process applies the event, it finds no report and closes the delivery.
  for v_delivery_id in
    select id from public.webhook_deliveries
    where report_id = old.id and report_type = tg_argv[0] and status not in ('success', 'superseded', 'cancelled')
    order by id
    for update skip locked
  loop
    perform private.move_delivery(v_delivery_id, 'closed', p_reason => 'report_deleted');
  end loop;
  -- Subscribers must forget the report too. The sweep that erases the content makes these deliveries (tell_deletion()), since
  -- deleting an account deletes many reports in one statement. If there never was a subscriber, there is nobody to tell.
  select max(id) into v_revision from private.endpoint_revisions;
  if v_revision is not null then
    insert into public.report_events (
      id, type, report_type, report_id, stage, requested_at, digest, channel, effect, position, applied_at, erased_at,
      applied_xid, settings_revision, trace_id)
    values (
      private.new_id('del_'), 'report.deleted', tg_argv[0], old.id, coalesce(old.stage, 'prelim'), clock_timestamp(),
      encode(sha256(convert_to(gen_random_uuid()::text, 'UTF8')), 'hex'),
      case when current_setting('role', true) = 'authenticated' then 'owner' else 'platform' end,
      'applied', private.next_position(tg_argv[0], old.id), clock_timestamp(),
      -- A deletion has no content to erase later.
      clock_timestamp(), pg_current_xact_id(), v_revision, private.new_trace_id());
  end if;
  with cancelled as (
    update private.job_runs
    set status = 'cancelled', lease_token = lease_token + 1, lease_expires_at = null, completed_at = now(),
      error = 'The report was deleted.', updated_at = now()
    where report_id = old.id and report_type = tg_argv[0] and status in ('queued', 'running')
    returning job_id, status, percent, eta_seconds, error, started_at, completed_at
  )
  -- Like show_job(), but for all jobs at once: a report may have thousands.
  update public.report_jobs shown
  set status = job.status, percent = job.percent, eta_seconds = job.eta_seconds, error = job.error,
    started_at = job.started_at, completed_at = job.completed_at, updated_at = now()
  from cancelled job
  where job.job_id = shown.job_id and shown.job_id in (
    select job_id from public.report_jobs where job_id in (select job_id from cancelled) for update skip locked);
  return null;
end
$$;

comment on function private.close_report() is
  'Deleting a report closes its deliveries, cancels its jobs, and has its content erased by the next sweep.';
revoke all on function private.close_report() from public, anon, authenticated, service_role;
