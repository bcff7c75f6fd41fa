create or replace function private.erase_report(p_report_type text, p_report_id uuid, p_limit int, p_deadline timestamptz)
returns boolean
language plpgsql volatile set search_path = '' as $$
declare
  v_exists boolean;
  v_id text;
begin
  execute format('select true from public.%I where id = $1', private.report_table(p_report_type))
  into v_exists using p_report_id;
  if v_exists then
    return true;
  end if;
  for v_id in
    select job_id from private.job_runs
    where report_id = p_report_id and report_type = p_report_type and erased_at is null order by job_id limit p_limit
  loop
    exit when clock_timestamp() > p_deadline;
    perform private.forget_job(v_id);
  end loop;
  for v_id in
    select id from public.report_events
    where report_id = p_report_id and report_type = p_report_type and erased_at is null order by id limit p_limit
  loop
    exit when clock_timestamp() > p_deadline;
    perform private.forget_event(v_id);
  end loop;
  -- Requests that named the report but none of its events.
  return clock_timestamp() < p_deadline
    and private.forget_audit(null, p_report_id, p_limit) < p_limit
    and not exists (
      select from private.job_runs where report_id = p_report_id and report_type = p_report_type and erased_at is null)
    and not exists (
      select from public.report_events where report_id = p_report_id and report_type = p_report_type and erased_at is null);
end
$$;

comment on function private.erase_report(text, uuid, int, timestamptz) is
  'Erases the content of a report that was deleted: of up to p_limit of its jobs, events and audit rows each, and until p_deadline. True: nothing is left.';
revoke all on function private.erase_report(text, uuid, int, timestamptz) from public, anon, authenticated, service_role;
