-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.take_over_report_job(
  p_job_id text, p_lease_seconds int, p_max_take_overs int, p_claim_id uuid default null,
  p_models text[] default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_job private.job_runs;
  v_owner uuid;
  v_shown public.report_jobs;
  v_error text;
begin
  perform private.await_same_call(p_claim_id::text);
  select * into v_job from private.job_runs where job_id = p_job_id;
  if v_job.claim_id = p_claim_id and not private.lease_is_free(v_job.lease_expires_at) then
    return jsonb_build_object('outcome', 'taken_over', 'run', private.run_context(v_job));
  elsif not exists (select from private.due_jobs due where due.job_id = p_job_id) then
    return '{"outcome": "not_due"}';
  end if;
  if v_job.report_type is not null then
    if not private.try_lock_report(v_job.report_type, v_job.report_id) then
      return '{"outcome": "held"}';
    end if;
    v_owner := private.lock_report(v_job.report_type, v_job.report_id);
  end if;
  -- Checked again under both locks: while this call waited, the runner may have reported progress, or another process may
  -- have taken the job over.
  select * into v_job from private.job_runs where job_id = p_job_id for no key update skip locked;
  if not found or not exists (select from private.due_jobs due where due.job_id = p_job_id) then
    return '{"outcome": "not_due"}';
  end if;
  if v_job.report_type is not null and v_owner is null
    or not private.job_serves(v_job, coalesce(v_owner, v_job.user_id))
  then
    perform private.cancel_job(p_job_id);
    perform private.show_job(p_job_id);
    return '{"outcome": "given_up"}';
  end if;
  if v_job.caller = 'platform' then
    -- The platform's runner may have stored its result in report_jobs and died before it wrote the report.
    select * into v_shown from public.report_jobs where job_id = p_job_id;
    if v_shown.status in ('succeeded', 'failed') then
      return case public.complete_report_job(
          p_job_id, case when private.is_blank(v_shown.result) then 'failed' else 'completed' end, 0,
          p_lease_token => v_job.lease_token,
          p_research_report => case when not private.is_blank(v_shown.result) then btrim(v_shown.result) end,
          p_error => case when private.is_blank(v_shown.result)
            then coalesce(v_shown.error, 'The report could not be generated.') end) ->> 'outcome'
        when 'completed' then '{"outcome": "given_up"}'::jsonb else '{"outcome": "not_due"}'::jsonb end;
    end if;
  end if;
  v_error := case
    when not v_job.generate then 'No result was submitted before the job expired.'
    when v_job.take_overs >= p_max_take_overs then
      format('The %s could not be finished: its generation was interrupted %s times.',
        case when v_job.report_type is null then 'result' else 'report' end, v_job.take_overs + 1)
  end;
  if v_error is not null then
    -- No process sends this delivery yet: it is due at once.
    return case public.complete_report_job(
        p_job_id, 'failed', 0, p_lease_token => v_job.lease_token, p_error => v_error) ->> 'outcome'
      when 'completed' then '{"outcome": "given_up"}'::jsonb else '{"outcome": "not_due"}'::jsonb end;
  end if;
  update private.job_runs
  set lease_token = lease_token + 1, take_overs = take_overs + 1, claim_id = p_claim_id, updated_at = now(),
    model = private.choose_model(model, p_models), lease_expires_at = now() + make_interval(secs => p_lease_seconds)
  where job_id = p_job_id
  returning * into v_job;
  return jsonb_build_object('outcome', 'taken_over', 'run', private.run_context(v_job));
end
$$;

comment on function public.take_over_report_job(text, int, int, uuid, text[]) is
  'Takes over a job whose lease has run out, or ends it: with a failure after p_max_take_overs or past its deadline, cancelled when it serves no report any more. Waits for no lock: held when another transaction has its report. A repeated call is recognised by p_claim_id. p_models: those that the deployment offers, as for request_report_job.';
revoke all on function public.take_over_report_job(text, int, int, uuid, text[]) from public, anon, authenticated, service_role;
grant execute on function public.take_over_report_job(text, int, int, uuid, text[]) to service_role;
