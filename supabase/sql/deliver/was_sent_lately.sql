create or replace function private.was_sent_lately(p_endpoint_id text)
returns boolean
language plpgsql stable set search_path = '' as $$
declare
  c_lately constant interval := '2 days';
begin
  return exists (
      select from public.webhook_deliveries
      where endpoint_id = p_endpoint_id and status not in ('success', 'superseded', 'cancelled') and dead_at is null
        -- The partial index leaves out deliveries that were never sent.
        and attempts > 0 and last_attempt > now() - c_lately)
    or exists (
      select from public.webhook_deliveries
      where endpoint_id = p_endpoint_id and dead_at > now() - c_lately and last_attempt > now() - c_lately);
end
$$;

comment on function private.was_sent_lately(text) is
  'Whether a subscriber that has accepted nothing was sent anything within two days: it can accept only what it was sent.';
revoke all on function private.was_sent_lately(text) from public, anon, authenticated, service_role;
