create or replace function private.retry_after(p_seconds numeric)
returns interval
language plpgsql immutable set search_path = '' as $$
begin
  return (
    select least(
      make_interval(secs => least(greatest(coalesce(p_seconds, 0), 0), 1e9)::double precision), policy.longest_retry_after)
    from private.sending_policy() policy);
end
$$;

comment on function private.retry_after(numeric) is
  'How long a Retry-After of so many seconds is honoured.';
revoke all on function private.retry_after(numeric) from public, anon, authenticated, service_role;
