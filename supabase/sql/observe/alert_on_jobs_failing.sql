create or replace function private.alert_on_jobs_failing(p_rule private.alert_rules)
returns table (subject text, value numeric, affected bigint, facts jsonb)
language sql stable set search_path = '' as $$
  select counted.stage, round(100.0 * counted.failed / counted.total, 1), counted.failed,
    jsonb_build_object('finished', counted.total, 'failed', counted.failed, 'job_ids', counted.job_ids)
  from (
    -- A job without a report has no stage.
    select coalesce(newest.stage, 'none') as stage, count(*) as total,
      count(*) filter (where newest.status = 'failed') as failed,
      private.plain_ids(array_agg(newest.job_id order by newest.completed_at desc) filter (where newest.status = 'failed')) as job_ids
    from (
      select job.job_id, job.stage, job.status, job.completed_at from private.job_runs job
      where job.status in ('succeeded', 'failed', 'cancelled') and job.completed_at > now() - p_rule.lookback
      order by job.completed_at desc limit 1000) newest
    where newest.status <> 'cancelled'
    group by 1) counted
  where counted.failed >= p_rule.minimum and 100.0 * counted.failed >= p_rule.threshold * counted.total
$$;

comment on function private.alert_on_jobs_failing(private.alert_rules) is
  'Stages of which at least this share of the newest finished jobs failed, in percent.';
revoke all on function private.alert_on_jobs_failing(private.alert_rules) from public, anon, authenticated, service_role;
