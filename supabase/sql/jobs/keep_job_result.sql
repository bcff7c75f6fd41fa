create or replace function private.keep_job_result(
  p_job private.job_runs, p_result private.incoming_result, p_lease_token bigint)
returns jsonb
language plpgsql volatile set search_path = '' as $$
declare
  v_status text := case when p_result.type like '%.failed' then 'failed' else 'succeeded' end;
  v_metadata jsonb := coalesce(p_result.research_metadata, '{}') || coalesce(p_result.final_data, '{}');
begin
  if p_job.erased_at is not null then
    -- The result is erased, so nothing is left to compare with.
    return '{"outcome": "repeated"}';
  elsif p_job.status in ('succeeded', 'failed') then
    -- Compared as text: for jsonb, 1.0 equals 1.00, although their digits differ.
    return case when (p_job.status, p_job.result, p_job.error, p_job.result_metadata::text)
        is not distinct from (v_status, p_result.research_report, p_result.error, v_metadata::text)
      then '{"outcome": "repeated"}' else '{"outcome": "job_conflict"}' end;
  elsif p_job.status = 'cancelled' then
    return '{"outcome": "job_cancelled"}';
  elsif p_lease_token is not null and p_lease_token <> p_job.lease_token then
    return '{"outcome": "lease_lost"}';
  end if;
  update private.job_runs
  set status = v_status, result = p_result.research_report, result_metadata = v_metadata, error = p_result.error,
    percent = case v_status when 'succeeded' then 100 else percent end, eta_seconds = null,
    completed_at = clock_timestamp(), updated_at = clock_timestamp(), lease_token = lease_token + 1, lease_expires_at = null
  where job_id = p_job.job_id;
  perform private.show_job(p_job.job_id);
  return '{"outcome": "completed"}';
end
$$;

comment on function private.keep_job_result(private.job_runs, private.incoming_result, bigint) is
  'Finishes a job without a report: its result stays in the job, without event and delivery. The caller holds the lock of the job.';
revoke all on function private.keep_job_result(private.job_runs, private.incoming_result, bigint) from public, anon, authenticated, service_role;
