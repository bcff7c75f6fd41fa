create or replace function private.observe_subscriber(p_endpoint_id text, p_result text, p_attempts jsonb)
returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_subscriber private.subscribers;
  v_status int := (p_attempts #>> '{-1,status}')::int;
begin
  select * into v_subscriber from private.subscribers where endpoint_id = p_endpoint_id;
  if p_attempts = '[]'
    -- An answer from an older URL says nothing about the present one. The audit does not store the queries of URLs.
    or split_part(p_attempts #>> '{-1,request,url}', '?', 1) <> (
      select split_part(url, '?', 1) from private.endpoint_revisions
      where endpoint_id = p_endpoint_id and superseded_by is null)
  then
    return;
  elsif p_result = 'delivered' then
    if p_attempts #> '{-2,request,headers}' ? 'content-encoding' then
      -- The subscriber refused the compressed body, and accepted the same event uncompressed.
      update private.subscribers set accepted_coding = null, coding_refused_at = now() where endpoint_id = p_endpoint_id;
    end if;
    if v_subscriber.failing_since is not null then
      update private.subscribers set failing_since = null where endpoint_id = p_endpoint_id;
    end if;
    return;
  end if;
  if v_subscriber.failing_since is null or v_status is null or v_status in (408, 410, 429) or v_status >= 500 then
    update private.subscribers
    set failing_since = coalesce(failing_since, now()),
      in_flight_limit = case when v_status is null or v_status in (408, 429) or v_status >= 500
        then greatest(1, private.in_flight_allowed(in_flight_limit, limited_at) / 2.0) else in_flight_limit end,
      limited_at = case when v_status is null or v_status in (408, 429) or v_status >= 500 then now() else limited_at end
    where endpoint_id = p_endpoint_id;
  end if;
  if v_status = 410 and v_subscriber.state = 'active' then
    perform private.set_subscriber_state(p_endpoint_id, 'paused', 'gone', 'subscriber');
  end if;
end
$$;

comment on function private.observe_subscriber(text, text, jsonb) is
  'Records a round''s signs about a subscriber: half as many in flight after a time-out, 429 or 5xx, since when it fails, its wish to hear no more (410), and that it refuses compressed bodies. The good path writes nothing.';
revoke all on function private.observe_subscriber(text, text, jsonb) from public, anon, authenticated, service_role;
