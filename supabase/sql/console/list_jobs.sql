-- Definer rights: people may not read the leases of jobs and the addresses of owners; it asks who the caller is itself.
create or replace function public.list_jobs(
  p_state text default null, p_report_type text default null, p_stage text default null, p_owner uuid default null,
  p_after timestamptz default null, p_before timestamptz default null, p_limit int default 50,
  p_cursor_at timestamptz default null, p_cursor_id text default null)
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  c_counted constant int := 1000;
  -- Jobs that ended badly are sorted by their end.
  v_time text := case when p_state in ('failed', 'cancelled') then 'completed_at' else 'created_at' end;
  v_where text := concat_ws(' and ',
    case
      when p_state = 'taken_over' then 'take_overs > 0'
      when p_state in ('running', 'waiting', 'overdue') then $q$status in ('queued', 'running') and state = $1$q$
      when p_state = 'failed' then $q$status = 'failed'$q$
      when p_state = 'cancelled' then $q$status = 'cancelled'$q$
      when p_state is not null then 'status = $1'
      else 'true'
    end,
    case when p_report_type is not null then 'report_type = $2' end,
    case when p_stage is not null then 'stage = $3' end,
    case when p_owner is not null then 'user_id = $4' end,
    case when p_after is not null then v_time || ' >= $5' end,
    case when p_before is not null then v_time || ' < $6' end,
    case when p_cursor_at is not null then format('(%s, job_id) < ($8, $9)', v_time) end);
  v_rows jsonb;
begin
  perform private.require_operator();
  execute format(
    'select jsonb_agg(
       to_jsonb(page) || jsonb_build_object(
         ''title'', private.report_title(report_type, report_id),
         ''owner_email'', (select email from auth.users owner where owner.id = page.user_id))
       order by %1$s desc, job_id desc)
     from (select * from private.job_states where %2$s order by %1$s desc, job_id desc limit $7 + 1) page', v_time, v_where)
  into v_rows
  using p_state, p_report_type, p_stage, p_owner, p_after, p_before, p_limit, p_cursor_at, p_cursor_id;
  return private.page_of(v_rows, p_limit, v_time) || jsonb_build_object('counts', (
    select jsonb_object_agg(state, jsonb_build_object('count', least(jobs, c_counted), 'capped', jobs > c_counted))
    from (
      select state, sum(jobs) as jobs
      from (
        select state, count(*) as jobs
        from private.job_states where status in ('queued', 'running') group by state
        union all
        select 'failed', count(*)
        from (select from private.job_runs where status = 'failed' limit c_counted + 1) failed
        union all
        select 'cancelled', count(*)
        from (select from private.job_runs where status = 'cancelled' limit c_counted + 1) cancelled
        union all
        select 'taken_over', count(*)
        from (select from private.job_runs where take_overs > 0 limit c_counted + 1) taken_over
        union all
        select unnest('{running,waiting,overdue}'::text[]), 0) parts
      group by state) counted));
end
$$;

comment on function public.list_jobs(text, text, text, uuid, timestamptz, timestamptz, int, timestamptz, text) is
  'Jobs for operators, newest first: by created_at, or by completed_at where p_state is failed or cancelled. p_state is a state of private.job_states, or taken_over. Returns {rows, next, counts}: counts are those of all jobs, up to 1,000 of each state.';
revoke all on function public.list_jobs(text, text, text, uuid, timestamptz, timestamptz, int, timestamptz, text) from public, anon, authenticated, service_role;
grant execute on function public.list_jobs(text, text, text, uuid, timestamptz, timestamptz, int, timestamptz, text) to authenticated;
