-- Why: what is kept for ever fills the database. Old audit rows and jobs go, and so do the texts of events that lost; what an
-- order or an open delivery still needs stays, and so does the id of every event, which can never be used again.

alter table public.report_events add column pruned_at timestamptz;
comment on column public.report_events.pruned_at is 'Its content was removed; id, digest and order stay.';
create index report_events_prunable on public.report_events (created_at) where effect = 'superseded' and pruned_at is null;
create index report_jobs_finished on public.report_jobs (completed_at) where status in ('succeeded', 'failed', 'cancelled');

create function private.is_retention() returns boolean
language sql stable set search_path = '' as $$
  select coalesce(current_setting('polaris.retention', true), '') = 'on'
$$;
comment on function private.is_retention() is 'Whether prune_expired() is at work in this transaction.';

create or replace function private.keep_audit() returns trigger
language plpgsql set search_path = '' as $$
begin
  if tg_op = 'DELETE' and private.is_retention() then
    return old;
  end if;
  raise exception 'webhook_audit is append-only' using errcode = 'PL001';
end $$;

create or replace function private.keep_event() returns trigger
language plpgsql set search_path = '' as $$
declare
  v_content constant text[] := '{research_report,research_metadata,final_data,pruned_at,status}';
begin
  -- The generated column is computed after this trigger, from a column that is compared.
  if tg_op = 'UPDATE'
    and old.effect is null and new.effect is not null
    and to_jsonb(old) - '{effect,channel,applied_at,status}'::text[]
      = to_jsonb(new) - '{effect,channel,applied_at,status}'::text[]
  then
    return new;
  elsif tg_op = 'UPDATE' and private.is_retention() and old.effect = 'superseded' and new.pruned_at is not null
    and num_nonnulls(new.research_report, new.research_metadata, new.final_data) = 0
    and to_jsonb(old) - v_content = to_jsonb(new) - v_content
  then
    return new;
  end if;
  raise exception 'report_events is append-only: only its effect is set, once' using errcode = 'PL001';
end $$;

-- Each at most p_limit rows. Returns `{audit, refusals, payloads, jobs}`, how many of each.
create function public.prune_expired(p_audit_days int, p_payload_days int, p_job_days int, p_limit int) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_audit int;
  v_refusals int;
  v_payloads int;
  v_jobs int;
begin
  perform set_config('polaris.retention', 'on', true);
  delete from public.webhook_audit where id in (
    select id from public.webhook_audit audit
    where created_at < now() - make_interval(days => p_audit_days)
      -- The history of what is not settled yet tells a person why.
      and not exists (
        select from public.webhook_deliveries delivery
        where delivery.event_id = audit.event_id and delivery.status <> 'success')
    order by created_at
    limit p_limit
    for update skip locked);
  get diagnostics v_audit = row_count;

  delete from public.webhook_refusals where minute in (
    select minute from public.webhook_refusals
    where minute < now() - make_interval(days => p_audit_days)
    order by minute limit p_limit);
  get diagnostics v_refusals = row_count;

  update public.report_events
  set research_report = null, research_metadata = null, final_data = null, pruned_at = now()
  where id in (
    select event.id from public.report_events event
    where event.effect = 'superseded' and event.pruned_at is null
      and event.created_at < now() - make_interval(days => p_payload_days)
      -- A delivery that has not arrived, dead letters among them, is sent from here.
      and not exists (
        select from public.webhook_deliveries delivery
        where delivery.event_id = event.id and delivery.status <> 'success')
    order by event.created_at
    limit p_limit
    for update skip locked);
  get diagnostics v_payloads = row_count;

  delete from public.report_jobs where id in (
    select job.id from public.report_jobs job
    where job.status in ('succeeded', 'failed', 'cancelled')
      and job.completed_at < now() - make_interval(days => p_job_days)
      -- Of a job that ended without an event nothing else would tell how its report stands.
      and (job.event_id is not null or job.status = 'cancelled' or job.report_id is null)
      and not exists (
        select from public.report_events event
        left join public.webhook_deliveries delivery on delivery.event_id = event.id
        where event.id = job.event_id and (event.effect is null or delivery.status <> 'success'))
    order by job.completed_at
    limit p_limit
    for update skip locked);
  get diagnostics v_jobs = row_count;
  perform set_config('polaris.retention', '', true);
  return jsonb_build_object('audit', v_audit, 'refusals', v_refusals, 'payloads', v_payloads, 'jobs', v_jobs);
end $$;
comment on function public.prune_expired(int, int, int, int) is
  'Removes what is older than so many days, a small batch at a time, and nothing that is still needed.';

select private.apply_grants();
