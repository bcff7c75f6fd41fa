create or replace function private.report_status(p_report_type text, p_report_id uuid)
returns public.research_status
language plpgsql stable set search_path = '' as $$
declare
  v_job record;
  v_event record;
begin
  select
    case
      when job.status = 'queued' then 'pending'
      when job.status = 'running' then 'running'
      -- The job has finished, but its result is not in the report's row yet.
      when event.id is not null and event.effect is null then 'running'
      when job.status = 'succeeded' then 'completed'
      else 'failed'
    end as status,
    job.created_at::timestamptz(3) as requested_at,
    coalesce(event.id, job.job_id) collate "C" as id
  into v_job
  from private.job_runs job
  left join public.report_events event on event.id = job.event_id
  where job.report_id = p_report_id and job.report_type = p_report_type and job.status <> 'cancelled'
  order by 2 desc, 3 desc
  limit 1;
  -- The newest event of a request without a job of ours.
  select event.status, event.requested_at, event.id collate "C" as id
  into v_event
  from public.report_events event
  where event.report_id = p_report_id and event.report_type = p_report_type
    and event.effect is not null and event.type <> 'report.owner.edited'
    -- With `not exists`, a plan made while job_runs was small would read the whole table at each call.
    and (select job.job_id from private.job_runs job where job.job_id = event.job_id) is null
  order by event.requested_at desc, event.id collate "C" desc
  limit 1;
  if v_job.status is not null
    and (v_event.id is null or (v_job.requested_at, v_job.id) > (v_event.requested_at, v_event.id))
  then
    return v_job.status;
  elsif v_event.id is not null then
    return v_event.status;
  end if;
  return coalesce(
    (select event.status from public.report_events event
      where event.report_id = p_report_id and event.report_type = p_report_type and event.effect is not null
      order by event.requested_at desc, event.id collate "C" desc
      limit 1),
    'pending');
end
$$;

comment on function private.report_status(text, uuid) is
  'research_status as it must be: that of the newest request that was not cancelled, or of the newest event, or pending.';
revoke all on function private.report_status(text, uuid) from public, anon, authenticated, service_role;
