create or replace function private.add_audit(
  p_direction text, p_outcome text, p_endpoint_id text default null, p_event_id text default null,
  p_job_id text default null, p_report_type text default null, p_report_id uuid default null,
  p_delivery_id bigint default null, p_round bigint default null, p_actor text default null,
  p_payload jsonb default null, p_response_status int default null, p_response_body jsonb default null,
  p_error text default null, p_attempt_number int default 1, p_body_sha256 text default null,
  p_body_bytes int default null, p_duration_ms numeric default null, p_id uuid default gen_random_uuid(), p_trace_id text default null,
  p_span_id text default null)
returns void
language plpgsql volatile set search_path = '' as $$
begin
  insert into public.webhook_audit (
    id, direction, outcome, endpoint_id, event_id, job_id, report_table, report_id, delivery_id, round, actor,
    request_payload, response_status, response_body, error_message, attempt_number, body_sha256, body_bytes, duration_ms,
    trace_id, span_id)
  values (
    p_id, p_direction, p_outcome, p_endpoint_id, p_event_id, p_job_id, private.report_table(p_report_type), p_report_id,
    p_delivery_id, p_round, p_actor, p_payload, p_response_status, p_response_body, "left"(p_error, 10000), p_attempt_number,
    p_body_sha256, p_body_bytes,
    -- A clock that is set meanwhile can give any duration. One that does not fit the column would roll back the effect.
    case when p_duration_ms is not null then least(greatest(p_duration_ms, 0), 999999999.999) end,
    coalesce(p_trace_id, (select event.trace_id from public.report_events event where event.id = p_event_id)), p_span_id)
  on conflict (id) do nothing;
end
$$;

comment on function private.add_audit(text, text, text, text, text, text, uuid, bigint, bigint, text, jsonb, int, jsonb, text, int, text, int, numeric, uuid, text, text) is
  'The one writer of our audit rows. p_payload is never a report''s text. Without p_trace_id the row has the trace of its event.';
revoke all on function private.add_audit(text, text, text, text, text, text, uuid, bigint, bigint, text, jsonb, int, jsonb, text, int, text, int, numeric, uuid, text, text) from public, anon, authenticated, service_role;
