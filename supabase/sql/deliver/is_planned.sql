create or replace function private.is_planned(p_delivery public.webhook_deliveries, p_kind text, p_until timestamptz)
returns boolean
language plpgsql stable set search_path = '' as $$
begin
  if p_delivery.dead_at is not null then
    return p_delivery.dead_at <= p_until and not private.is_closed(p_delivery.dead_reason);
  end if;
  return p_kind = 'retry' and p_delivery.status not in ('success', 'superseded', 'cancelled')
    and p_delivery.created_at <= p_until
    -- A delivery sent since then has been retried; one that is due or being sent needs no plan.
    and (p_delivery.last_attempt is null or p_delivery.last_attempt <= p_until)
    and p_delivery.next_attempt > now() and private.lease_is_free(p_delivery.lease_expires_at);
end
$$;

comment on function private.is_planned(public.webhook_deliveries, text, timestamptz) is
  'Whether a plan that was requested at p_until is about this delivery. redrive: dead letters. retry: also what waits for its slot. Closed dead letters are in none.';
revoke all on function private.is_planned(public.webhook_deliveries, text, timestamptz) from public, anon, authenticated, service_role;
