-- Definer rights: server functions call it through REST as service_role, which has no rights on our tables.
-- For functions of version 0.2.0. They do not know subscribers, and would send a subscriber's event to our own endpoints.
create or replace function public.claim_due_delivery(
  p_lease_seconds int, p_claim_id uuid default null, p_left_out bigint[] default '{}')
returns jsonb
language plpgsql volatile security definer set search_path = '' set statement_timeout = '7s' as $$
declare
  v_claim jsonb := public.claim_due_deliveries(1, 0, p_lease_seconds, p_claim_id, p_left_out);
begin
  return jsonb_build_object('delivery', v_claim -> 'deliveries' -> 0, 'left_out', v_claim -> 'left_out');
end
$$;

comment on function public.claim_due_delivery(int, uuid, bigint[]) is
  'For functions of version 0.2.0: claims one delivery to our own endpoints, as claim_due_deliveries() does. Returns {delivery, left_out}; delivery null: nothing is due.';
revoke all on function public.claim_due_delivery(int, uuid, bigint[]) from public, anon, authenticated, service_role;
grant execute on function public.claim_due_delivery(int, uuid, bigint[]) to service_role;
