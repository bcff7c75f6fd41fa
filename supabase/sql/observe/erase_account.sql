create or replace function private.erase_account(p_user_id uuid, p_limit int, p_deadline timestamptz)
returns boolean
language plpgsql volatile set search_path = '' set lock_timeout = '1ms' as $$
declare
  v_type public.report_types;
  v_job record;
  v_left boolean := false;
begin
  -- Without even the wait of the time-out: whoever deletes the account holds this row, and may wait for our row in erasures.
  perform from auth.users where id = p_user_id for key share nowait;
  for v_type in select * from public.report_types order by report_type loop
    v_left := v_left or clock_timestamp() > p_deadline;
    exit when v_left;
    -- The content of these reports is erased like that of every deleted report.
    execute format(
      'delete from public.%1$I where id in (
         select id from public.%1$I where user_id = $1 order by id limit $2 for update skip locked)', v_type.table_name)
    using p_user_id, p_limit;
    execute format('select exists (select from public.%I where user_id = $1)', v_type.table_name)
    into v_left using p_user_id;
  end loop;
  for v_job in
    -- Jobs of a report that another user has got since, too.
    select job_id, report_type, report_id from private.job_runs
    where (user_id = p_user_id and report_id is null or caller = p_user_id::text) and erased_at is null
    order by job_id limit p_limit
  loop
    exit when clock_timestamp() > p_deadline;
    continue when v_job.report_id is not null and not private.try_lock_report(v_job.report_type, v_job.report_id);
    if private.forget_job(v_job.job_id) and v_job.report_id is not null then
      perform private.show_report_status(v_job.report_type, v_job.report_id);
    end if;
  end loop;
  delete from public.report_notifications where user_id = p_user_id;
  return not v_left
    and not exists (
      select from private.job_runs
      where (user_id = p_user_id and report_id is null or caller = p_user_id::text) and erased_at is null);
end
$$;

comment on function private.erase_account(uuid, int, timestamptz) is
  'Deletes the reports and notifications of a user, and erases the jobs that the user asked for: up to p_limit of each, and until p_deadline. True: nothing is left but the content of deleted reports, which erase_report() erases.';
revoke all on function private.erase_account(uuid, int, timestamptz) from public, anon, authenticated, service_role;
