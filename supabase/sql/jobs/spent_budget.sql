create or replace function private.spent_budget(p_caller text, p_user_budget int, p_project_budget int)
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_day constant interval := '1 day';
  v_budget text;
  v_free_at timestamptz;
begin
  -- With a budget of n jobs: it is spent if the n-th newest job was requested within the last day, and free again a day after
  -- that request.
  if p_user_budget is not null and p_caller <> 'pipeline' then
    v_budget := 'user';
    select created_at + v_day into v_free_at from private.job_runs
    where caller = p_caller and created_at > now() - v_day
    order by created_at desc offset p_user_budget - 1 limit 1;
  end if;
  if p_project_budget is not null and v_free_at is null then
    v_budget := 'project';
    -- Jobs of the platform's functions and of the import do not count: users can insert any number of rows into report_jobs,
    -- and could spend everybody's budget.
    select created_at + v_day into v_free_at from private.job_runs
    where created_at > now() - v_day and caller <> 'platform'
    order by created_at desc offset p_project_budget - 1 limit 1;
  end if;
  return case when v_free_at is not null then jsonb_build_object(
    'outcome', 'budget_exceeded', 'budget', v_budget,
    'retry_after_seconds', greatest(1, ceil(extract(epoch from v_free_at - now()))::int)) end;
end
$$;

comment on function private.spent_budget(text, int, int) is
  'Null while the caller may request a job; else {outcome, budget, retry_after_seconds}. All jobs of the last 24 hours count, also failed and cancelled ones. The pipeline has no budget of its own; the project''s counts the jobs of all callers but the platform''s functions.';
revoke all on function private.spent_budget(text, int, int) from public, anon, authenticated, service_role;
