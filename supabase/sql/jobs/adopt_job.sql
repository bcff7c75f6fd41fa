-- Definer rights: the platform's functions insert with the service key, which has no rights on job_runs.
create or replace function private.adopt_job()
returns trigger
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_named record := private.named_report(new.metadata, new.idempotency_key);
  v_owner uuid;
begin
  -- No endpoint accepts such an id, and a sweep could not request its take-over.
  if v_named.report_id is null or new.status not in ('queued', 'running') or not private.is_job_id(new.job_id) then
    return null;
  end if;
  execute format('select user_id from public.%I where id = $1', private.report_table(v_named.report_type))
  into v_owner using v_named.report_id;
  if v_owner is null or new.user_id <> v_owner then
    return null;
  end if;
  insert into private.job_runs (
    job_id, report_type, report_id, stage, user_id, summary_id, caller, prompt, model, temperature, max_tokens, status,
    lease_token, lease_expires_at, created_at, started_at, trace_id)
  values (
    new.job_id, v_named.report_type, v_named.report_id,
    case when 'final' in (new.metadata ->> 'stage', new.metadata ->> 'processing_stage') then 'final' else 'prelim' end,
    v_owner, new.summary_id, 'platform', new.prompt, new.model,
    -- Out-of-range values are dropped, as in the import: with them, the job could not be run or shown.
    case when new.temperature between 0 and 2 then new.temperature end, case when new.max_tokens > 0 then new.max_tokens end,
    new.status, 1, now() + interval '5 minutes', private.import_time(coalesce(new.created_at, now()), now()),
    private.import_time(new.started_at, now()), private.new_trace_id())
  on conflict (job_id) do nothing;
  -- This statement holds the row of report_jobs, so a report that another transaction holds is left: its next write shows this.
  if found then
    perform private.try_show_report_status(v_named.report_type, v_named.report_id);
  end if;
  return null;
end
$$;

comment on function private.adopt_job() is
  'A job that the platform''s functions insert and that names a report is watched: its runner has five minutes, then a sweep takes it.';
revoke all on function private.adopt_job() from public, anon, authenticated, service_role;
