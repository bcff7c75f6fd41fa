-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.prune_expired(
  p_audit_days int, p_payload_days int, p_job_days int, p_limit int, p_after jsonb default null,
  -- Older functions do not pass it.
  p_pause_max_days int default 30)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  -- After this time, applying the proposal would do something else than its preview says.
  c_proposal constant interval := '7 days';
  -- Erasing an event takes locks, its audit rows and up to a megabyte of content. A batch must end before REST ends the call,
  -- which would undo the whole batch, at every sweep.
  v_deadline timestamptz := clock_timestamp() + interval '2 seconds';
  -- The lowest key of each kind. With `p_after is null or …`, no plan could start in the index at p_after.
  v_after jsonb := coalesce(p_after, '{
    "audit": {"at": "-infinity", "id": "00000000-0000-0000-0000-000000000000"},
    "payloads": {"at": "-infinity", "id": ""}, "jobs": {"at": "-infinity", "id": ""}}');
  -- The range of each kind that this call examines: up to p_limit rows in order of age, including those to keep. Whether a
  -- row is needed is a subquery with `limit 1`: for `exists`, PostgreSQL may read all open deliveries at each call.
  v_audit record;
  v_payloads record;
  v_finished record;
  v_audit_pruned int;
  v_refusals int;
  v_buckets int;
  v_alerts int;
  v_plans int;
  v_checks int;
  v_event_id text;
  v_erased int := 0;
  v_jobs text[];
  -- Those of the jobs whose row of report_jobs is locked here.
  v_shown text[];
  v_pruned int;
begin
  perform set_config('polaris.retention', 'on', true);
  select coalesce(array_agg(id) filter (where not needed), '{}') as ids,
    (array_agg(jsonb_build_object('at', created_at, 'id', id) order by created_at, id))[p_limit] as last
  into v_audit
  from (
    select audit.id, audit.created_at,
      -- The history of an unsettled delivery is kept to explain it.
      (select true from public.webhook_deliveries delivery
        where delivery.event_id = audit.event_id and delivery.status not in ('success', 'superseded', 'cancelled')
          and private.is_closed(delivery.dead_reason) is not true
        limit 1) is not null as needed
    from public.webhook_audit audit
    where created_at < now() - make_interval(days => p_audit_days)
      and (created_at, id) > ((v_after #>> '{audit,at}')::timestamptz, (v_after #>> '{audit,id}')::uuid)
    order by created_at, id
    limit p_limit) range;
  -- By the places of the locked rows: by their ids, each would be looked up twice.
  delete from public.webhook_audit where ctid = any (array(
    select ctid from public.webhook_audit where id = any (v_audit.ids) for update skip locked));
  get diagnostics v_audit_pruned = row_count;
  delete from public.webhook_refusals where (minute, part) in (
    select minute, part from public.webhook_refusals
    where minute < now() - make_interval(days => p_audit_days)
    order by minute, part limit p_limit);
  get diagnostics v_refusals = row_count;
  -- Buckets that have been full for an hour: a part without a row is full as well.
  delete from private.rate_buckets where (kind, key, part) in (
    select kind, key, part from private.rate_buckets
    where hour < date_bin('1 hour', now(), 'epoch') - interval '1 hour'
    order by hour limit p_limit for update skip locked);
  get diagnostics v_buckets = row_count;
  delete from public.alerts where id in (
    select id from public.alerts
    where state = 'resolved' and resolved_at < now() - make_interval(days => p_audit_days)
    order by resolved_at, id limit p_limit for update skip locked);
  get diagnostics v_alerts = row_count;
  delete from public.plans where id in (
    select id from public.plans
    where finished_at < now() - make_interval(days => p_audit_days)
    order by finished_at, id limit p_limit for update skip locked);
  get diagnostics v_plans = row_count;
  -- Proposed replays that nobody has applied: their previews are outdated.
  delete from public.plans where id in (
    select id from public.plans
    where status = 'proposed' and created_at < now() - c_proposal
    order by created_at, id limit p_limit for update skip locked);
  -- A subscriber's last check is kept, since it shows the current state.
  delete from private.endpoint_checks where id in (
    select checked.id from private.endpoint_checks checked
    where checked.created_at < now() - make_interval(days => p_audit_days) and exists (
      select from private.endpoint_checks later
      where later.endpoint_id = checked.endpoint_id and later.id > checked.id)
    order by checked.created_at limit p_limit for update of checked skip locked);
  get diagnostics v_checks = row_count;
  delete from public.alert_silences where until < now() - make_interval(days => p_audit_days);
  select coalesce(array_agg(event_id) filter (where not needed), '{}') as ids,
    (array_agg(jsonb_build_object('at', lost_at, 'id', event_id) order by lost_at, event_id))[p_limit] as last
  into v_payloads
  from (
    select content.event_id, content.lost_at,
      -- An open delivery is still sent from this content. A dead letter is not sent by itself.
      content.lost_at >= now() - make_interval(days => p_pause_max_days) and (
        select true from public.webhook_deliveries delivery
        where delivery.event_id = content.event_id and delivery.status not in ('success', 'superseded', 'cancelled')
          and delivery.dead_at is null
        limit 1) is not null as needed
    from private.report_contents content
    where content.lost_at < now() - make_interval(days => p_payload_days)
      and (content.lost_at, content.event_id) > ((v_after #>> '{payloads,at}')::timestamptz, v_after #>> '{payloads,id}')
    order by content.lost_at, content.event_id
    limit p_limit) range;
  foreach v_event_id in array v_payloads.ids loop
    if clock_timestamp() > v_deadline then
      -- The next sweep begins with the rest of this range, which is then the oldest.
      exit;
    end if;
    v_erased := v_erased + private.forget_event(v_event_id, p_is_folded => exists (
      select from private.report_contents where event_id = v_event_id and lost_at = '-infinity'))::int;
  end loop;
  select coalesce(array_agg(job_id) filter (where not needed), '{}') as ids,
    (array_agg(jsonb_build_object('at', completed_at, 'id', job_id) order by completed_at, job_id))[p_limit] as last
  into v_finished
  from (
    select job.job_id, job.completed_at,
      -- For a job that ended without an event, only the job tells the state of its report.
      (job.event_id is null and job.status <> 'cancelled' and job.report_id is not null and job.erased_at is null)
      or (select true from public.report_events event
        left join public.webhook_deliveries delivery on delivery.event_id = event.id
        where event.id = job.event_id
          -- If the event is erased without an effect, the report was deleted.
          and (event.effect is null and event.erased_at is null
            or delivery.status not in ('success', 'superseded', 'cancelled')
              and private.is_closed(delivery.dead_reason) is not true)
        limit 1) is not null
      -- Nor may such a job become the newest request that way: an imported event may be older than its job.
      or exists (
        select from private.job_runs older
        join public.report_events event on event.id = job.event_id and event.channel = 'import'
        where older.report_id = job.report_id and older.report_type = job.report_type
          and older.event_id is null and older.status <> 'cancelled' and older.erased_at is null
          and (older.created_at::timestamptz(3), older.job_id collate "C") > (event.requested_at, event.id collate "C")
          and older.created_at < job.created_at) as needed
    from private.job_runs job
    where job.status in ('succeeded', 'failed', 'cancelled')
      and job.completed_at < now() - make_interval(days => p_job_days)
      and (job.completed_at, job.job_id) > ((v_after #>> '{jobs,at}')::timestamptz, v_after #>> '{jobs,id}')
    order by job.completed_at, job.job_id
    limit p_limit) range;
  select coalesce(array_agg(job_id), '{}') into v_jobs from (
    select job_id from private.job_runs where job_id = any (v_finished.ids) for update skip locked) expired;
  -- Writers of report_jobs wait for the job in guard_job(). So a locked row is skipped here without waiting, and both rows
  -- are left for the next time.
  select coalesce(array_agg(job_id), '{}') into v_shown from (
    select job_id from public.report_jobs where job_id = any (v_jobs) for update skip locked) shown;
  delete from public.report_jobs
  -- Rows written by the platform are for the platform to delete.
  where job_id in (select job_id from private.job_runs where job_id = any (v_shown) and caller <> 'platform');
  delete from private.job_runs job
  where job_id = any (v_jobs)
    and (job_id = any (v_shown) or not exists (select from public.report_jobs shown where shown.job_id = job.job_id));
  get diagnostics v_pruned = row_count;
  perform set_config('polaris.retention', '', true);
  return jsonb_build_object(
    'audit', v_audit_pruned, 'refusals', v_refusals, 'alerts', v_alerts, 'plans', v_plans, 'checks', v_checks,
    'payloads', v_erased, 'jobs', v_pruned,
    'after', case when p_limit in (v_refusals, v_buckets, v_alerts, v_plans, v_checks)
        or num_nonnulls(v_audit.last, v_payloads.last, v_finished.last) > 0 then
      jsonb_build_object('audit', v_audit.last, 'payloads', v_payloads.last, 'jobs', v_finished.last) end);
end
$$;

comment on function public.prune_expired(int, int, int, int, jsonb, int) is
  'Removes what is older than so many days and not needed any more. It looks at up to p_limit rows of each kind, oldest first, from p_after on. Content that lost waits for its open deliveries, p_pause_max_days at most. Returns {audit, refusals, alerts, plans, checks, payloads, jobs, after}: what it removed, and the p_after of the next call, null when nothing is left to look at. A kind without a place in p_after is done.';
revoke all on function public.prune_expired(int, int, int, int, jsonb, int) from public, anon, authenticated, service_role;
grant execute on function public.prune_expired(int, int, int, int, jsonb, int) to service_role;
