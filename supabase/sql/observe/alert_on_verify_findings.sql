create or replace function private.alert_on_verify_findings(p_rule private.alert_rules)
returns table (subject text, value numeric, affected bigint, facts jsonb)
language sql stable set search_path = '' as $$
  select '', count(*)::numeric, count(*),
    jsonb_build_object(
      'findings', count(*), 'problems', (array_agg(distinct found.problem))[1:5],
      'report_ids', (array_agg(distinct found.report_id) filter (where found.report_id is not null))[1:5],
      'job_ids', private.plain_ids(array_agg(distinct found.job_id) filter (where found.job_id is not null)))
  from (select finding.* from private.verify_findings finding order by finding.found_at limit 1000) found
  having count(*) >= p_rule.threshold
$$;

comment on function private.alert_on_verify_findings(private.alert_rules) is
  'Invariants that verify_slice() found broken, counted up to 1,000.';
revoke all on function private.alert_on_verify_findings(private.alert_rules) from public, anon, authenticated, service_role;
