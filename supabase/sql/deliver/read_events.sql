-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
create or replace function public.read_events(
  p_read_token_sha256 text, p_limit int, p_after jsonb default null, p_event_id text default null)
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  -- A page of one body may have 2 MB, and escaping doubles quotes; Vercel's functions answer at most 4.5 MB.
  c_bytes constant int := 1048576;
  v_subscriber private.subscribers;
  -- For a single event nothing can be missed: the receiver of a thin body asks at once, whatever transactions are in
  -- progress.
  v_horizon xid8 := case when p_event_id is null then pg_snapshot_xmin(pg_current_snapshot()) else '18446744073709551615'::xid8 end;
  v_row record;
  v_is_erased boolean;
  v_body text;
  v_bytes int := 0;
  v_events jsonb := '[]';
  v_next jsonb := p_after;
  v_has_more boolean := false;
begin
  select * into v_subscriber from private.subscribers where read_token_sha256 = p_read_token_sha256;
  if v_subscriber.endpoint_id is null then
    return '{"outcome": "invalid_token"}';
  end if;
  for v_row in
    select delivery.id as delivery_id, delivery.created_xid, delivery.position, delivery.plan, delivery.format_version,
      delivery.plan = 0 and delivery.status = 'cancelled' as is_cancelled, delivery.body as form, event
    from public.webhook_deliveries delivery
    join public.report_events event on event.id = delivery.event_id
    where delivery.endpoint_id = v_subscriber.endpoint_id and delivery.created_xid < v_horizon
      and (delivery.created_xid, delivery.id)
        > (coalesce((p_after ->> 'xid')::xid8, '0'), coalesce((p_after ->> 'id')::bigint, 0))
      and (p_event_id is null or delivery.event_id = p_event_id)
    order by delivery.created_xid, delivery.id
    limit p_limit + 1
  loop
    if jsonb_array_length(v_events) >= p_limit then
      v_has_more := true;
      exit;
    end if;
    -- Erased events have no content, and cancelled ones are about to lose it. They are still listed.
    v_is_erased := ((v_row.event).erased_at is not null or v_row.is_cancelled) and (v_row.event).type <> 'report.deleted';
    v_body := case when not v_is_erased
      then private.body_of(v_row.event, v_row.format_version, case when p_event_id is null then v_row.form else 'full' end) end;
    v_bytes := v_bytes + coalesce(octet_length(v_body), 0);
    if v_bytes > c_bytes and v_events <> '[]' then
      v_has_more := true;
      exit;
    end if;
    v_events := v_events || jsonb_build_object(
      'id', (v_row.event).id, 'position', v_row.position, 'plan', v_row.plan, 'format_version', v_row.format_version,
      'timestamp', private.iso_time((v_row.event).created_at), 'body', v_body,
      'gone', case
        when v_body is not null then null
        when v_is_erased then 'content_erased' else 'content_unsendable' end);
    v_next := jsonb_build_object('xid', v_row.created_xid::text, 'id', v_row.delivery_id);
  end loop;
  return jsonb_build_object('outcome', 'read', 'endpoint_id', v_subscriber.endpoint_id, 'events', v_events, 'next', v_next, 'has_more', v_has_more);
end
$$;

comment on function public.read_events(text, int, jsonb, text) is
  'What was or will be sent to the subscriber of this token, from p_after on, in the order in which it was committed, up to the oldest transaction that runs: nothing can come before the cursor any more. With p_event_id that event alone, in full. Returns {outcome: read|invalid_token, events: [{id, position, plan, format_version, timestamp, body, gone}], next, has_more}; it has at most 1 MB of bodies, or one event.';
revoke all on function public.read_events(text, int, jsonb, text) from public, anon, authenticated, service_role;
grant execute on function public.read_events(text, int, jsonb, text) to service_role;
