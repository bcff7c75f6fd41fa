create or replace function private.verify_jobs(p_after text, p_to text)
returns table (problem text, report_type text, report_id uuid, event_id text, job_id text)
language plpgsql stable set search_path = '' as $$
begin
  return query
  select 'a job without a report whose result contradicts its status', null::text, null::uuid, job.event_id, job.job_id
  from private.job_runs job
  where job.report_id is null and (job.job_id > p_after or p_after is null)
    and (job.job_id <= p_to or p_to is null)
    and (job.event_id is not null
      or job.erased_at is null and (job.status = 'succeeded') <> (nullif(btrim(job.result), '') is not null))
  union all
  select 'an unfinished job that is never due', null, null, null, job.job_id
  from private.job_runs job
  where job.report_id is null and (job.job_id > p_after or p_after is null)
    and (job.job_id <= p_to or p_to is null)
    and private.is_never_due(job)
  union all
  select 'a job that was requested in the future', null, null, null, job.job_id
  from private.job_runs job
  where job.report_id is null and (job.job_id > p_after or p_after is null)
    and (job.job_id <= p_to or p_to is null)
    and job.created_at > now() + interval '5 minutes'
  union all
  select 'a row of report_jobs that holds content of our job', null, null, null, job.job_id
  from private.job_runs job
  join public.report_jobs shown on shown.job_id = job.job_id
  where job.report_id is null and (job.job_id > p_after or p_after is null)
    and (job.job_id <= p_to or p_to is null)
    and num_nonnulls(shown.prompt, shown.result, shown.idempotency_key) > 0
    and job.caller <> 'platform'
  union all
  select 'a row of report_jobs that shows another status than our job', null, null, null, job.job_id
  from private.job_runs job
  join public.report_jobs shown on shown.job_id = job.job_id
  where job.report_id is null and (job.job_id > p_after or p_after is null)
    and (job.job_id <= p_to or p_to is null)
    and shown.status <> job.status and job.caller <> 'platform'
  union all
  select 'a job of a deleted account that still has content', null, null, null, job.job_id
  from private.job_runs job
  where job.report_id is null and (job.job_id > p_after or p_after is null)
    and (job.job_id <= p_to or p_to is null)
    and job.user_id is not null and job.erased_at is null
    and not exists (select from auth.users account where account.id = job.user_id and account.deleted_at is null)
    and not exists (select from private.erasures due where due.user_id = job.user_id and due.report_id is null);
end
$$;

comment on function private.verify_jobs(text, text) is
  'Every job without a report, with an id after p_after up to p_to, that breaks an invariant. Null: no bound.';
revoke all on function private.verify_jobs(text, text) from public, anon, authenticated, service_role;
