create or replace function private.waiting_for(p_endpoint_id text, out waiting bigint, out oldest timestamptz)
returns record
language plpgsql stable set search_path = '' as $$
declare
  -- Counted up to a limit: more is a backlog in any case.
  c_counted constant int := 10000;
begin
  select count(*), min(next_attempt) into waiting, oldest
  from (
    select next_attempt from public.webhook_deliveries
    where endpoint_id = p_endpoint_id and status not in ('success', 'superseded', 'cancelled') and dead_at is null
    order by next_attempt limit c_counted) open;
end
$$;

comment on function private.waiting_for(text) is
  'How many deliveries wait for an endpoint, counted up to 10,000, and when the oldest was due.';
revoke all on function private.waiting_for(text) from public, anon, authenticated, service_role;
