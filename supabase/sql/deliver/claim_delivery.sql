create or replace function private.claim_delivery(p_delivery_id bigint, p_lease_seconds int, p_claim_id uuid)
returns jsonb
language plpgsql volatile set search_path = '' as $$
begin
  return private.sendable(private.move_delivery(
    p_delivery_id, 'claimed', p_lease_seconds => p_lease_seconds, p_claim_id => p_claim_id));
end
$$;

comment on function private.claim_delivery(bigint, int, uuid) is
  'Puts a delivery, whose lock the caller holds, under a new lease. Returns what its sender needs.';
revoke all on function private.claim_delivery(bigint, int, uuid) from public, anon, authenticated, service_role;
