create or replace function private.await_same_call(p_id text)
returns void
language plpgsql volatile set search_path = '' as $$
begin
  -- Null: the caller does not repeat its calls.
  perform pg_advisory_xact_lock(hashtextextended('call ' || p_id, 0));
end
$$;

comment on function private.await_same_call(text) is
  'Lets a call and its repetition, which have the same id, come one after the other: a connection that died is retried at once, and the first call may still be at work. The first lock of its transaction.';
revoke all on function private.await_same_call(text) from public, anon, authenticated, service_role;
