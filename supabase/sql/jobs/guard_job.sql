-- Definer rights: an owner's statement fires it, and owners may not write job_runs.
create or replace function private.guard_job()
returns trigger
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_job private.job_runs;
  v_may_cancel boolean;
  v_is_cancelled boolean;
  v_is_server boolean := coalesce(current_setting('role', true), '') not in ('anon', 'authenticated');
  v_report record;
  v_is_deleted boolean := false;
begin
  if tg_op = 'INSERT' or new.job_id is distinct from old.job_id then
    if exists (select from private.job_runs where job_id = new.job_id) then
      -- Otherwise another user's row would show this job's progress.
      raise exception 'this job id is in use' using errcode = 'unique_violation';
    end if;
  end if;
  if tg_op = 'INSERT' then
    -- Lock order: the foreign keys would lock the summary first.
    perform from auth.users where id = new.user_id for key share;
    return new;
  end if;
  select * into v_job from private.job_runs where job_id = old.job_id;
  if v_job.job_id is null then
    return case tg_op when 'DELETE' then old else new end;
  end if;
  if v_is_server and v_job.report_type is not null and v_job.status in ('queued', 'running') then
    -- This statement already holds the row of report_jobs, while users and summaries are locked before it. So they are locked
    -- only if that needs no waiting; a deletion then waits for this transaction. Owners' statements take these locks in
    -- lock_owner().
    execute format('select user_id, summary_id from public.%I where id = $1', private.report_table(v_job.report_type))
    into v_report using v_job.report_id;
    perform from auth.users where id = v_report.user_id for key share skip locked;
    v_is_deleted := not found and v_report.user_id is not null;
    if v_report.summary_id is not null then
      perform from public.polaris_summaries where id = v_report.summary_id for key share skip locked;
      v_is_deleted := v_is_deleted or not found;
    end if;
  end if;
  if v_job.caller = 'platform' and tg_op = 'UPDATE' and v_is_server and new.status <> 'cancelled' then
    -- The platform's functions continue with the jobs that they inserted. The sweep takes over the result that they report
    -- once the runner is silent: here, the job would be locked before its report.
    update private.job_runs
    set status = 'running', started_at = coalesce(started_at, now()), percent = greatest(percent, coalesce(new.percent, 0)),
      lease_expires_at = now() + interval '5 minutes', updated_at = now()
    where job_id = old.job_id and new.status = 'running' and status in ('queued', 'running');
    if found and v_job.status = 'queued' then
      perform private.try_show_report_status(v_job.report_type, v_job.report_id);
    end if;
    new.job_id := old.job_id;
    return new;
  end if;
  v_may_cancel := current_setting('role', true) <> 'authenticated' or v_job.user_id = (select auth.uid());
  v_is_cancelled := v_may_cancel and (tg_op = 'DELETE' or new.status = 'cancelled');
  -- A finished job no longer changes, so nothing is locked for it: a statement about many rows would take the locks of many
  -- reports.
  if v_job.status in ('queued', 'running') then
    if v_is_cancelled and v_is_deleted then
      -- The report is being deleted, which cancels its jobs. Cancelling here would wait for that deletion, which waits for
      -- this row: leave the row unchanged.
      return null;
    elsif v_is_cancelled and v_is_server then
      v_job := private.cancel_held_job(old.job_id);
    elsif v_is_cancelled then
      v_job := private.cancel_job(old.job_id);
    else
      -- Waits for a transaction that is changing the job and has skipped the row of report_jobs, which this statement holds:
      -- see show_job().
      select * into v_job from private.job_runs where job_id = old.job_id for share;
    end if;
  end if;
  if tg_op = 'DELETE' then
    return old;
  end if;
  new := old;
  new.status := v_job.status;
  new.percent := v_job.percent;
  new.eta_seconds := v_job.eta_seconds;
  new.error := v_job.error;
  new.started_at := v_job.started_at;
  new.completed_at := v_job.completed_at;
  new.updated_at := v_job.updated_at;
  return new;
end
$$;

comment on function private.guard_job() is
  'Discards foreign writes to a row of report_jobs that shows a job of ours, except a cancellation by its owner.';
revoke all on function private.guard_job() from public, anon, authenticated, service_role;
