-- Definer rights: people may not read the addresses of owners; it asks who the caller is itself.
create or replace function public.list_all_reports(
  p_state text default null, p_report_type text default null, p_owner uuid default null, p_limit int default 50,
  p_cursor_at timestamptz default null, p_cursor_id text default null)
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_owner text := case when p_owner is not null then 'and report.user_id = $4' end;
  v_all text;
  v_failed text;
  v_unfinished text;
  v_rows jsonb;
begin
  perform private.require_operator();
  v_all := (
    select string_agg(format(
      '(select report.created_at as sort_at, report.id, %L as report_type from public.%I report where true %s %s
        order by report.created_at desc, report.id desc limit $1 + 1)',
      report_type, table_name, v_owner,
      case when p_cursor_at is not null then 'and (report.created_at, report.id) < ($2, $3::uuid)' end), ' union all ')
    from public.report_types where p_state is null and (p_report_type is null or report_type = p_report_type));
  -- Most failed jobs belong to reports that have succeeded since. The platform's index of research_status finds the others, also
  -- those without a job of ours. The status is `running` until the event of a failed job has its effect.
  v_failed := (
    select string_agg(format(
      '(select failed.at as sort_at, report.id, %1$L as report_type
        from public.%2$I report
        left join lateral (
          select status, completed_at from private.job_runs
          where report_id = report.id and report_type = %1$L and status <> ''cancelled''
          order by created_at desc, job_id desc limit 1) job on true
        left join lateral (
          select applied_at from public.report_events
          where report_id = report.id and report_type = %1$L and job.status is distinct from ''failed''
          order by requested_at desc limit 1) event on true
        cross join lateral (
          select coalesce(case when job.status = ''failed'' then job.completed_at end, event.applied_at, report.updated_at) as at) failed
        where %3$s %4$s %5$s
        order by 1 desc, 2 desc limit $1 + 1)',
      report_type, table_name,
      case p_state when 'failed' then 'report.research_status = ''failed'''
        else 'report.research_status in (''failed'', ''running'') and report.stage is null
          and coalesce(job.status, ''failed'') = ''failed''' end,
      v_owner, case when p_cursor_at is not null then 'and (failed.at, report.id) < ($2, $3::uuid)' end), ' union all ')
    from public.report_types where p_state is not null and (p_report_type is null or report_type = p_report_type));
  -- Each report is looked up separately: with a join, or with `not exists`, the planner might begin with all reports, or read all
  -- jobs.
  v_unfinished := (
    select string_agg(format(
      '(select job.created_at as sort_at, job.report_id as id, job.report_type
        from private.job_runs job
        where job.report_type = %L and job.status in (''queued'', ''running'')
          and (select report.stage is null %s from public.%I report where report.id = job.report_id)
          and (
            select newer.job_id from private.job_runs newer
            where newer.report_id = job.report_id and newer.report_type = job.report_type and newer.status <> ''cancelled''
            order by newer.created_at desc, newer.job_id desc limit 1) = job.job_id
          %s
        order by job.created_at desc, job.report_id desc limit $1 + 1)',
      report_type, v_owner, table_name,
      case when p_cursor_at is not null then 'and (job.created_at, job.report_id) < ($2, $3::uuid)' end), ' union all ')
    from public.report_types where p_state = 'missing' and (p_report_type is null or report_type = p_report_type));
  execute format(
    'select jsonb_agg(private.report_line(report_type, id) || jsonb_build_object(''sort_at'', sort_at) order by sort_at desc, id desc)
     from (select * from (%s) every order by sort_at desc, id desc limit $1 + 1) page',
    concat_ws(' union all ',
      -- An unknown report type has no reports.
      'select null::timestamptz as sort_at, null::uuid as id, null::text as report_type where false',
      v_all, v_failed, v_unfinished))
  into v_rows using p_limit, p_cursor_at, p_cursor_id, p_owner;
  return private.page_of(v_rows, p_limit, 'sort_at');
end
$$;

comment on function public.list_all_reports(text, text, uuid, int, timestamptz, text) is
  'Everybody''s reports for operators, newest first. p_state missing: no text is stored, and the newest request is unfinished or failed. p_state failed: the newest request failed, even if an earlier one delivered a result. These two are ordered by when that request failed, or was made.';
revoke all on function public.list_all_reports(text, text, uuid, int, timestamptz, text) from public, anon, authenticated, service_role;
grant execute on function public.list_all_reports(text, text, uuid, int, timestamptz, text) to authenticated;
