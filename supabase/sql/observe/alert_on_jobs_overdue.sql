create or replace function private.alert_on_jobs_overdue(p_rule private.alert_rules)
returns table (subject text, value numeric, affected bigint, facts jsonb)
language sql stable set search_path = '' as $$
  select '', round(extract(epoch from now() - min(overdue.due_at))), count(*),
    jsonb_build_object(
      'jobs', count(*), 'oldest', private.iso_time(min(overdue.due_at)),
      'job_ids', private.plain_ids(array_agg(overdue.job_id order by overdue.due_at)))
  from (
    select due.job_id, due.due_at from private.due_jobs due
    where due.due_at < now() - make_interval(secs => p_rule.threshold::double precision)
    limit 1000) overdue
  having count(*) > 0
$$;

comment on function private.alert_on_jobs_overdue(private.alert_rules) is
  'Jobs that no sweep took over or gave up for longer than this, in seconds, counted up to 1,000.';
revoke all on function private.alert_on_jobs_overdue(private.alert_rules) from public, anon, authenticated, service_role;
