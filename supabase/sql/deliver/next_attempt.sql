create or replace function private.next_attempt(p_rounds int, p_retry_after_seconds numeric)
returns timestamptz
language plpgsql volatile set search_path = '' as $$
begin
  return (
    select case when p_rounds <= cardinality(policy.slots) then now() + greatest(
      policy.slots[p_rounds] * (1 - policy.jitter + 2 * policy.jitter * random()),
      private.retry_after(p_retry_after_seconds)) end
    from private.sending_policy() policy);
end
$$;

comment on function private.next_attempt(int, numeric) is
  'The durable schedule: when the slot after p_rounds failed rounds is due. Null: all slots are used.';
revoke all on function private.next_attempt(int, numeric) from public, anon, authenticated, service_role;
