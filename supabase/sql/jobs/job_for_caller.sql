create or replace function private.job_for_caller(p_job_id text, p_caller text)
returns private.job_runs
language sql stable set search_path = '' as $$
  select * from private.job_runs
  where job_id = p_job_id and (p_caller = 'pipeline' or user_id::text = p_caller or caller = p_caller)
$$;

comment on function private.job_for_caller(text, text) is
  'The job, if the caller may see it: the pipeline sees all, a user their own.';
revoke all on function private.job_for_caller(text, text) from public, anon, authenticated, service_role;
