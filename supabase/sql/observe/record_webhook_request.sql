-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.record_webhook_request(p_request jsonb, p_verified boolean, p_cap_per_minute int)
returns boolean
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_requests bigint := 0;
  v_is_forgotten boolean;
begin
  if exists (select from public.webhook_audit where id = (p_request ->> 'id')::uuid) then
    -- Repeated call: this request is already audited.
    return true;
  end if;
  if not p_verified then
    -- Eight rows per minute, so that callers do not queue for a single row.
    insert into public.webhook_refusals as refusals (minute, part, requests)
    values (date_trunc('minute', now()), floor(random() * 8), 1)
    on conflict (minute, part) do update set requests = refusals.requests + 1;
    select sum(requests) into v_requests from public.webhook_refusals where minute = date_trunc('minute', now());
  end if;
  if v_requests > p_cap_per_minute then
    return false;
  end if;
  -- An answer lists the faults of a body, which may belong to an erased event.
  v_is_forgotten := exists (
    select from public.report_events where id = p_request ->> 'event_id' and erased_at is not null)
    or p_request ->> 'report_id' is not null
      and private.report_is_gone(p_request ->> 'report_type', (p_request ->> 'report_id')::uuid);
  perform private.add_audit(
    p_id => (p_request ->> 'id')::uuid, p_direction => 'in', p_outcome => p_request ->> 'outcome',
    p_endpoint_id => p_request ->> 'endpoint_id', p_event_id => p_request ->> 'event_id',
    p_report_type => p_request ->> 'report_type', p_report_id => (p_request ->> 'report_id')::uuid,
    p_actor => p_request ->> 'actor',
    p_payload => jsonb_build_object('endpoint', p_request ->> 'endpoint', 'method', p_request ->> 'method'),
    p_response_status => (p_request ->> 'status')::int,
    p_response_body => case when not v_is_forgotten then nullif(p_request -> 'answer', 'null') end,
    p_error => case when not v_is_forgotten then p_request ->> 'detail' end,
    p_body_sha256 => case when not v_is_forgotten then p_request ->> 'body_sha256' end,
    p_trace_id => p_request ->> 'trace_id', p_span_id => p_request ->> 'span_id',
    p_body_bytes => (p_request ->> 'body_bytes')::int, p_duration_ms => (p_request ->> 'elapsed_ms')::numeric);
  return true;
end
$$;

comment on function public.record_webhook_request(jsonb, boolean, int) is
  'Audits a request that applied nothing, without its body. p_request.id, minted by the endpoint, recognises a repeated call. p_verified: it is not counted, and has no cap. False: over the cap of this minute, so that it was only counted; requests at the same moment may exceed the cap by their own number.';
revoke all on function public.record_webhook_request(jsonb, boolean, int) from public, anon, authenticated, service_role;
grant execute on function public.record_webhook_request(jsonb, boolean, int) to service_role;
