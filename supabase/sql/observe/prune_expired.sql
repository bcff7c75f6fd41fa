-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.prune_expired(p_audit_days int, p_payload_days int, p_job_days int, p_limit int)
returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_audit int;
  v_refusals int;
  v_erased text[];
  v_jobs text[];
  -- Of these jobs, those whose row of report_jobs is locked here.
  v_shown text[];
  v_pruned int;
begin
  perform set_config('polaris.retention', 'on', true);
  delete from public.webhook_audit where id in (
    select id from public.webhook_audit audit
    where created_at < now() - make_interval(days => p_audit_days)
      -- The history of a delivery that is not settled yet tells a person why.
      and not exists (
        select from public.webhook_deliveries delivery
        where delivery.event_id = audit.event_id and delivery.status not in ('success', 'superseded', 'cancelled'))
    order by created_at
    limit p_limit
    for update skip locked);
  get diagnostics v_audit = row_count;
  delete from public.webhook_refusals where minute in (
    select minute from public.webhook_refusals
    where minute < now() - make_interval(days => p_audit_days)
    order by minute limit p_limit);
  get diagnostics v_refusals = row_count;
  with erased as (
    update public.report_events set erased_at = now()
    where id in (
      select event.id from public.report_events event
      where event.effect = 'superseded' and event.erased_at is null
        and event.created_at < now() - make_interval(days => p_payload_days)
        -- A delivery that has not arrived, dead letters among them, is sent from this content.
        and not exists (
          select from public.webhook_deliveries delivery
          where delivery.event_id = event.id and delivery.status not in ('success', 'superseded', 'cancelled'))
      order by event.created_at
      limit p_limit
      for update skip locked)
    returning id)
  select coalesce(array_agg(id), '{}') into v_erased from erased;
  delete from private.report_contents where event_id = any (v_erased);
  select coalesce(array_agg(job_id), '{}') into v_jobs from (
    select job.job_id from private.job_runs job
    where job.status in ('succeeded', 'failed', 'cancelled')
      and job.completed_at < now() - make_interval(days => p_job_days)
      -- Of a job that ended without an event nothing else would say how its report stands.
      and (job.event_id is not null or job.status = 'cancelled' or job.report_id is null)
      and not exists (
        select from public.report_events event
        left join public.webhook_deliveries delivery on delivery.event_id = event.id
        where event.id = job.event_id
          and (event.effect is null or delivery.status not in ('success', 'superseded', 'cancelled')))
    order by job.completed_at
    limit p_limit
    for update skip locked) expired;
  -- Whoever writes a row of report_jobs waits in guard_job() for the job: this skips the row instead of waiting for it, and
  -- leaves both for the next time.
  select coalesce(array_agg(job_id), '{}') into v_shown from (
    select job_id from public.report_jobs where job_id = any (v_jobs) for update skip locked) shown;
  delete from public.report_jobs
  -- Rows that the platform wrote are the platform's to remove.
  where job_id in (select job_id from private.job_runs where job_id = any (v_shown) and caller <> 'platform');
  delete from private.job_runs job
  where job_id = any (v_jobs)
    and (job_id = any (v_shown) or not exists (select from public.report_jobs shown where shown.job_id = job.job_id));
  get diagnostics v_pruned = row_count;
  perform set_config('polaris.retention', '', true);
  return jsonb_build_object(
    'audit', v_audit, 'refusals', v_refusals, 'payloads', cardinality(v_erased), 'jobs', v_pruned);
end
$$;

comment on function public.prune_expired(int, int, int, int) is
  'Removes what is older than so many days, up to p_limit rows of each kind, and nothing that is still needed. Returns {audit, refusals, payloads, jobs}.';
revoke all on function public.prune_expired(int, int, int, int) from public, anon, authenticated, service_role;
grant execute on function public.prune_expired(int, int, int, int) to service_role;
