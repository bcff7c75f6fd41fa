create or replace function private.is_endpoint_to_blame(p_endpoint_id text, p_attempts jsonb)
returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return p_attempts @> '[{"status": 410}]'
    or exists (select from public.webhook_circuits where endpoint_id = p_endpoint_id and opened_at is not null)
    or exists (
      select from private.subscribers
      where endpoint_id = p_endpoint_id
        -- The endpoint has accepted nothing for nearly as long as the whole schedule takes.
        and (state <> 'active' or failing_since < now() - interval '20 hours'));
end
$$;

comment on function private.is_endpoint_to_blame(text, jsonb) is
  'Whether a failed round is the fault of the endpoint, which is gone, paused or down, and not of its event. Such a round uses no slot: no delivery becomes a dead letter because its subscriber is unavailable.';
revoke all on function private.is_endpoint_to_blame(text, jsonb) from public, anon, authenticated, service_role;
