-- Definer rights: people may not read the addresses of owners; it asks who the caller is itself.
create or replace function public.list_all_reports(
  p_state text default null, p_report_type text default null, p_owner uuid default null, p_limit int default 50,
  p_cursor_at timestamptz default null, p_cursor_id text default null)
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  -- Up to this many reports, their jobs are looked up. With more, the newest failed jobs fill a page after a few rows.
  c_few constant int := 500;
  -- Whether the job is the report's newest one that was not cancelled. With `not exists`, the planner might read all jobs.
  c_newest constant text := '(
    select newer.job_id from private.job_runs newer
    where newer.report_id = job.report_id and newer.report_type = job.report_type and newer.status <> ''cancelled''
    order by newer.created_at desc, newer.job_id desc limit 1) = job.job_id';
  v_owner text := case when p_owner is not null then 'and report.user_id = $4' end;
  v_ids uuid[];
  v_of_few text;
  v_all text;
  v_failed text;
  v_unfinished text;
  v_rows jsonb;
begin
  perform private.require_operator();
  -- Each report is looked up separately: with a join, the planner might begin with all reports.
  v_all := (
    select string_agg(format(
      '(select report.created_at as sort_at, report.id, %L as report_type from public.%I report where true %s %s
        order by report.created_at desc, report.id desc limit $1 + 1)',
      report_type, table_name, v_owner,
      case when p_cursor_at is not null then 'and (report.created_at, report.id) < ($2, $3::uuid)' end), ' union all ')
    from public.report_types where p_state is null and (p_report_type is null or report_type = p_report_type));
  if p_state is not null then
    -- Most failed jobs belong to reports that have succeeded since. The platform's index of research_status finds the reports
    -- that have not: their status is that of the failed job, but `running` until the event of this job has its effect.
    execute coalesce((
      select format('select array_agg(id) from (%s) found', string_agg(format(
        '(select id from public.%I where research_status %s limit $1 + 1)', table_name,
        case p_state when 'failed' then '= ''failed''' else 'in (''failed'', ''running'') and stage is null' end), ' union all '))
      from public.report_types where p_report_type is null or report_type = p_report_type having count(*) > 0),
      'select null::uuid[]')
    into v_ids using c_few;
    v_of_few := case when cardinality(v_ids) > c_few then null else 'and job.report_id = any ($5)' end;
  end if;
  v_failed := (
    select string_agg(format(
      '(select job.completed_at as sort_at, job.report_id as id, job.report_type
        from private.job_runs job
        where job.report_type = %L and job.status = ''failed'' %s
          and (select %s %s from public.%I report where report.id = job.report_id) and %s %s
        order by job.completed_at desc, job.report_id desc limit $1 + 1)',
      report_type, v_of_few, case p_state when 'failed' then 'report.research_status = ''failed''' else 'report.stage is null' end, v_owner,
      table_name, c_newest,
      case when p_cursor_at is not null then 'and (job.completed_at, job.report_id) < ($2, $3::uuid)' end), ' union all ')
    from public.report_types where p_state is not null and (p_report_type is null or report_type = p_report_type));
  v_unfinished := (
    select string_agg(format(
      '(select job.created_at as sort_at, job.report_id as id, job.report_type
        from private.job_runs job
        where job.report_type = %L and job.status in (''queued'', ''running'')
          and (select report.stage is null %s from public.%I report where report.id = job.report_id) and %s %s
        order by job.created_at desc, job.report_id desc limit $1 + 1)',
      report_type, v_owner, table_name, c_newest,
      case when p_cursor_at is not null then 'and (job.created_at, job.report_id) < ($2, $3::uuid)' end), ' union all ')
    from public.report_types where p_state = 'missing' and (p_report_type is null or report_type = p_report_type));
  execute format(
    'select jsonb_agg(private.report_line(report_type, id) || jsonb_build_object(''sort_at'', sort_at) order by sort_at desc, id desc)
     from (select * from (%s) every order by sort_at desc, id desc limit $1 + 1) page',
    concat_ws(' union all ',
      -- An unknown report type has no reports.
      'select null::timestamptz as sort_at, null::uuid as id, null::text as report_type where false',
      v_all, v_failed, v_unfinished))
  into v_rows using p_limit, p_cursor_at, p_cursor_id, p_owner, coalesce(v_ids, '{}');
  return private.page_of(v_rows, p_limit, 'sort_at');
end
$$;

comment on function public.list_all_reports(text, text, uuid, int, timestamptz, text) is
  'Everybody''s reports for operators, newest first. p_state missing: no text is stored, and the newest request is unfinished or failed. p_state failed: the newest request failed, even if an earlier one delivered a result. These two are ordered by when the job failed, or was requested.';
revoke all on function public.list_all_reports(text, text, uuid, int, timestamptz, text) from public, anon, authenticated, service_role;
grant execute on function public.list_all_reports(text, text, uuid, int, timestamptz, text) to authenticated;
