-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.complete_report_job(
  p_job_id text, p_status text, p_delivery_lease_seconds int, p_lease_token bigint default null,
  p_research_report text default null, p_research_metadata text default null, p_final_data text default null,
  p_error text default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_job private.job_runs;
  v_owner uuid;
  v_result private.incoming_result;
  v_event public.report_events;
  v_registered record;
  v_delivery public.webhook_deliveries;
  v_outcome text := 'completed';
begin
  select * into v_job from private.job_runs where job_id = p_job_id;
  if v_job.job_id is null then
    return '{"outcome": "job_not_found"}';
  end if;
  if v_job.report_type is not null then
    v_owner := private.lock_report(v_job.report_type, v_job.report_id);
    if v_owner is null or not private.job_serves(v_job, v_owner) then
      return '{"outcome": "report_not_found"}';
    end if;
  elsif not private.job_serves(v_job, v_job.user_id) then
    return '{"outcome": "job_cancelled"}';
  end if;
  select * into v_job from private.job_runs where job_id = p_job_id for no key update;
  v_result.type := format('report.%s.%s', v_job.stage, p_status);
  v_result.report_type := v_job.report_type;
  v_result.report_id := v_job.report_id;
  v_result.stage := v_job.stage;
  v_result.job_id := v_job.job_id;
  v_result.research_report := p_research_report;
  v_result.research_metadata := nullif(p_research_metadata::jsonb, 'null');
  v_result.final_data := nullif(p_final_data::jsonb, 'null');
  v_result.error := p_error;
  v_result := private.fit_result(v_result);
  if v_job.report_type is null then
    return private.keep_job_result(v_job, v_result, p_lease_token);
  end if;
  if v_job.event_id is not null then
    select * into v_event from public.report_events where id = v_job.event_id;
    if v_event.erased_at is null and v_event.digest <> private.content_digest(v_result) then
      return '{"outcome": "job_conflict"}';
    end if;
    v_outcome := 'repeated';
    -- Completing raised the token by one: this is the same runner, which did not get the first answer. No other process sends
    -- yet.
    select * into v_delivery from public.webhook_deliveries
    where event_id = v_event.id and status = 'pending' and attempts = 0 and lease_token = 1
      and not private.lease_is_free(lease_expires_at) and p_lease_token = v_job.lease_token - 1;
    if v_delivery.id is null then
      return '{"outcome": "repeated"}';
    end if;
  elsif v_job.status = 'cancelled' then
    return '{"outcome": "job_cancelled"}';
  elsif p_lease_token is not null and p_lease_token <> v_job.lease_token then
    return '{"outcome": "lease_lost"}';
  else
    v_registered := private.register_event(private.new_id('evt_'), v_result, v_owner, null);
    if v_registered.problem is not null then
      return jsonb_build_object('outcome', v_registered.problem);
    end if;
    v_event := v_registered.event;
    perform set_config('polaris.import', 'on', true);
    v_delivery := private.add_delivery(v_event, p_delivery_lease_seconds);
    perform set_config('polaris.import', '', true);
    perform private.show_in_report(
      v_job.report_type, v_job.report_id, private.report_status(v_job.report_type, v_job.report_id), p_delivery => v_delivery);
    if exists (select from public.webhook_circuits
        where endpoint_id = v_delivery.endpoint_id and opened_at is not null)
      and not private.take_probe(
        v_delivery.endpoint_id, v_delivery.id, v_delivery.lease_token, p_delivery_lease_seconds)
    then
      perform private.skip_delivery(v_delivery);
      return '{"outcome": "completed"}';
    end if;
  end if;
  return jsonb_build_object('outcome', v_outcome, 'delivery', private.sendable(v_delivery));
end
$$;

comment on function public.complete_report_job(text, text, int, bigint, text, text, text, text) is
  'Commits a job''s result, its event and its pending delivery in one transaction, before anything is sent; the result of a job without a report stays in the job. Returns {outcome, delivery}; without a delivery there is nothing to send. Without a lease token, the present holder loses the lease.';
revoke all on function public.complete_report_job(text, text, int, bigint, text, text, text, text) from public, anon, authenticated, service_role;
grant execute on function public.complete_report_job(text, text, int, bigint, text, text, text, text) to service_role;
